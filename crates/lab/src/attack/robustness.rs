//! Accuracy under attack as its budget grows (the paper's Figure 7).

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{Attack, Clean, Effort, Model, Norm, Objective, slope};
use crate::compare::report::WORST;
use crate::measure::{Logits, RobustnessCurve, correct};
use crate::{Error, Result};

/// A model and the examples that it is attacked on.
pub struct Trial<'a> {
    /// The model.
    pub model: &'a Model<'a>,
    /// (N, C, H, W), f32 in \[0, 1\].
    pub inputs: &'a Tensor,
    /// One class each.
    pub labels: &'a [i64],
    /// The number of the first of them among all, and the seed: they decide what is drawn.
    pub first: usize,
    /// The seed.
    pub seed: u64,
    /// How many examples are attacked at a time; changes nothing else.
    pub batch: usize,
}

/// Steps that add up to a budget may miss it by this.
const ROUNDING: f64 = 1e-9;

/// What an attack did to each example.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    name: String,
    title: String,
    setting: String,
    norm: Norm,
    objective: Option<Objective>,
    gradients: usize,
    reach: Option<f64>,
    /// Ascending, 0 first.
    epsilons: Vec<f64>,
    found: Findings,
}

/// What an attack found; with the attack and its budgets an [`Outcome`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// For each budget, 0 first, whether each example is still right.
    right: Vec<Vec<bool>>,
    /// Examples whose gradient is exactly zero.
    blind: usize,
    /// Examples whose gradient is below what a float holds with full precision.
    faint: usize,
}

impl Findings {
    /// Whether this is of so many budgets, 0 included, and so many examples.
    pub fn fits(&self, budgets: usize, examples: usize) -> bool {
        self.right.len() == budgets
            && self.right.iter().all(|right| right.len() == examples)
            && self.blind.checked_add(self.faint).is_some_and(|dim| dim <= examples)
    }
}

impl Trial<'_> {
    /// Attacks with each budget in `epsilons`; ε = 0 is what the model says of clean inputs and comes
    /// first whether or not it is among them.
    ///
    /// # Errors
    /// No inputs, inputs outside \[0, 1\] (normalised ones, most likely), labels that do not fit, an
    /// ε that is negative or not finite, a model that answers NaN; what the attack refuses.
    pub fn meet(&self, attack: &dyn Attack, epsilons: &[f64]) -> Result<Outcome> {
        self.validate(epsilons)?;
        let (clean, blind, faint) = self.clean(attack.objective())?;
        let budgets = above_zero(epsilons);
        let attacked = match attack.effort() {
            Effort::Every => {
                let all: Vec<usize> = (0..self.labels.len()).collect();
                let each = budgets.iter().map(|&epsilon| {
                    let mut right = clean.clone();
                    for (at, stands) in self.standing(attack, &all, epsilon)? {
                        right[at] = stands;
                    }
                    Ok(right)
                });
                each.collect::<Result<Vec<_>>>()?
            }
            Effort::Standing => {
                let mut right = clean.clone();
                let each = budgets.iter().map(|&epsilon| {
                    let left: Vec<usize> = (0..right.len()).filter(|&at| right[at]).collect();
                    for (at, stands) in self.standing(attack, &left, epsilon)? {
                        right[at] = stands;
                    }
                    Ok(right.clone())
                });
                each.collect::<Result<Vec<_>>>()?
            }
            Effort::Nearest => {
                let distances = self.distances(attack, &clean)?;
                let within = |epsilon: f64| distances.iter().map(|d| *d > epsilon).collect();
                budgets.iter().map(|&epsilon| within(epsilon)).collect()
            }
        };
        let right = std::iter::once(clean).chain(attacked).collect();
        Ok(Outcome::new(attack, epsilons, Findings { right, blind, faint }))
    }

    /// Which clean examples are right, and how many have no gradient or hardly one.
    fn clean(&self, objective: Option<Objective>) -> Result<(Vec<bool>, usize, usize)> {
        let (mut right, mut blind, mut faint) = (Vec::new(), 0, 0);
        let all: Vec<usize> = (0..self.labels.len()).collect();
        for at in all.chunks(self.batch) {
            let (inputs, labels) = self.part(at)?;
            let logits = match objective {
                None => tch::no_grad(|| (self.model)(&inputs))?,
                Some(objective) => {
                    let slope = slope(self.model, objective, &inputs, &labels, None)?;
                    let largest = Norm::Linf.length(&slope.gradient)?;
                    let count = |mask: Tensor| -> Result<usize> {
                        Ok(mask.f_sum(Kind::Int64)?.f_int64_value(&[])? as usize)
                    };
                    let none = count(largest.f_eq(0.0)?)?;
                    blind += none;
                    faint += count(largest.f_lt(f64::from(f32::MIN_POSITIVE))?)? - none;
                    slope.logits
                }
            };
            right.extend(self.right(&logits, at)?);
        }
        Ok((right, blind, faint))
    }

    /// Attacks the examples `at` these positions; gives each with whether it is still right.
    fn standing(
        &self,
        attack: &dyn Attack,
        at: &[usize],
        epsilon: f64,
    ) -> Result<Vec<(usize, bool)>> {
        let mut all = Vec::new();
        for at in at.chunks(self.batch) {
            let moved = self.moved(attack, at, epsilon)?;
            let logits = tch::no_grad(|| (self.model)(&moved))?;
            all.extend(at.iter().copied().zip(self.right(&logits, at)?));
        }
        Ok(all)
    }

    /// How far each example has to be moved: 0 for one that is wrong, infinite for one that stands.
    fn distances(&self, attack: &dyn Attack, clean: &[bool]) -> Result<Vec<f64>> {
        let mut distances = vec![0.0; clean.len()];
        let left: Vec<usize> = (0..clean.len()).filter(|&at| clean[at]).collect();
        for at in left.chunks(self.batch) {
            let moved = self.moved(attack, at, f64::INFINITY)?;
            let logits = tch::no_grad(|| (self.model)(&moved))?;
            let far = attack.norm().length(&moved.f_sub(&self.part(at)?.0)?)?;
            let far = Vec::<f32>::try_from(far)?;
            let stands = self.right(&logits, at)?;
            for ((&at, far), stands) in at.iter().zip(far).zip(stands) {
                distances[at] = if stands { f64::INFINITY } else { f64::from(far) };
            }
        }
        Ok(distances)
    }

    fn moved(&self, attack: &dyn Attack, at: &[usize], epsilon: f64) -> Result<Tensor> {
        let (inputs, labels) = self.part(at)?;
        let numbers: Vec<usize> = at.iter().map(|at| self.first + at).collect();
        let clean = Clean { inputs: &inputs, labels: &labels, numbers: &numbers, seed: self.seed };
        attack.perturb(self.model, &clean, epsilon)
    }

    /// Inputs and labels `at` these positions.
    fn part(&self, at: &[usize]) -> Result<(Tensor, Tensor)> {
        let rows: Vec<i64> = at.iter().map(|&at| at as i64).collect();
        let labels: Vec<i64> = at.iter().map(|&at| self.labels[at]).collect();
        let rows = Tensor::f_from_slice(&rows)?.f_to(self.inputs.device())?;
        let labels = Tensor::f_from_slice(&labels)?.f_to(self.inputs.device())?;
        Ok((self.inputs.f_index_select(0, &rows)?, labels))
    }

    /// Whether each of `logits` names the label of its example.
    fn right(&self, logits: &Tensor, at: &[usize]) -> Result<Vec<bool>> {
        let classes = logits.size().last().map_or(0, |n| *n as usize);
        let values = Vec::<f32>::try_from(logits.f_to_kind(Kind::Float)?.f_flatten(0, -1)?)?;
        let logits = Logits::new(&values, classes)?;
        let each = logits
            .iter()
            .zip(at)
            .map(|(row, &at)| Ok(correct(Logits::new(row, classes)?, &[self.labels[at]])? == 1));
        each.collect()
    }

    fn validate(&self, epsilons: &[f64]) -> Result<()> {
        let refuse = |problem| Err(Error::Request(problem));
        let (inputs, shape) = (self.inputs, self.inputs.size());
        let kind = inputs.f_kind()?;
        if shape.len() != 4 || inputs.numel() == 0 || kind != Kind::Float || self.batch == 0 {
            return refuse(format!(
                "an attack needs f32 inputs of shape (N, C, H, W) in batches, not {kind:?} \
                 {shape:?} in batches of {}",
                self.batch
            ));
        }
        if shape[0] != self.labels.len() as i64 {
            return refuse(format!(
                "{} labels for {} inputs to attack",
                self.labels.len(),
                shape[0]
            ));
        }
        let [low, high] = [inputs.f_min()?, inputs.f_max()?].map(|x| x.double_value(&[]));
        if !(low >= 0.0 && high <= 1.0) {
            return refuse(format!(
                "inputs to attack are in pixel units, 0 to 1, but these range from {low} to {high}"
            ));
        }
        match epsilons.iter().find(|epsilon| !(epsilon.is_finite() && **epsilon >= 0.0)) {
            Some(epsilon) => refuse(format!("an attack cannot have the budget ε = {epsilon}")),
            None => Ok(()),
        }
    }
}

/// The budgets that an attack is run with: no attack moves an example by 0.
fn above_zero(epsilons: &[f64]) -> Vec<f64> {
    epsilons.iter().copied().filter(|epsilon| *epsilon > 0.0).collect()
}

impl Outcome {
    /// What `attack` found with the budgets `epsilons`, 0 first whether or not it is among them.
    pub fn new(attack: &dyn Attack, epsilons: &[f64], found: Findings) -> Self {
        Self {
            name: attack.name(),
            title: attack.title(),
            setting: attack.setting(),
            norm: attack.norm(),
            objective: attack.objective(),
            gradients: attack.gradients(),
            reach: attack.reach(),
            epsilons: std::iter::once(0.0).chain(above_zero(epsilons)).collect(),
            found,
        }
    }

    /// What was found, without the attack.
    pub fn found(&self) -> &Findings {
        &self.found
    }

    /// Takes in what the same attack did to other examples.
    pub fn append(&mut self, other: Outcome) {
        let (found, more) = (&mut self.found, other.found);
        for (right, more) in found.right.iter_mut().zip(more.right) {
            right.extend(more);
        }
        found.blind += more.blind;
        found.faint += more.faint;
    }

    /// How many examples there are.
    pub fn examples(&self) -> usize {
        self.found.right[0].len()
    }

    /// The record.
    pub fn curve(&self) -> RobustnessCurve {
        let examples = self.examples() as f64;
        let accuracy =
            |right: &Vec<bool>| right.iter().filter(|right| **right).count() as f64 / examples;
        let accuracies = self.found.right.iter().map(accuracy);
        let objective = |objective: Objective| match objective {
            Objective::CrossEntropy { temperature } if temperature != 1.0 => {
                format!("ce/{temperature}")
            }
            other => other.word().to_owned(),
        };
        RobustnessCurve {
            attack: self.name.clone(),
            title: self.title.clone(),
            setting: self.setting.clone(),
            points: self.epsilons.iter().copied().zip(accuracies).collect(),
            zero_gradient: self.found.blind as f64 / examples,
            faint_gradient: self.found.faint as f64 / examples,
            norm: self.norm.word().to_owned(),
            objective: self.objective.map_or("none".to_owned(), objective),
            gradients: self.gradients,
            reach: self.reach.filter(|reach| self.epsilons.iter().any(|e| *e > reach + ROUNDING)),
            examples: self.examples(),
        }
    }
}

/// The records of all attacks; and for each norm in which one does without the gradient of cross
/// entropy, last, that of the worst that any of them does to each example.
pub fn curves(outcomes: &[Outcome]) -> Vec<RobustnessCurve> {
    let worst = [Norm::Linf, Norm::L2].into_iter().filter_map(|norm| worst(norm, outcomes));
    outcomes.iter().map(Outcome::curve).chain(worst).collect()
}

/// With each budget only those that no attack in `norm` has felled with it or with a smaller one.
fn worst(norm: Norm, outcomes: &[Outcome]) -> Option<RobustnessCurve> {
    let same: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.norm == norm).collect();
    let first = *same.first()?;
    if same.len() < 2 || same.iter().all(|o| o.objective == Some(Objective::CROSS_ENTROPY)) {
        return None;
    }
    let mut stands = vec![true; first.examples()];
    let points = first.epsilons.iter().enumerate().map(|(at, &epsilon)| {
        for outcome in &same {
            stands
                .iter_mut()
                .zip(&outcome.found.right[at])
                .for_each(|(stands, right)| *stands &= right);
        }
        let left = stands.iter().filter(|stands| **stands).count();
        (epsilon, left as f64 / stands.len() as f64)
    });
    let points = points.collect();
    let names: Vec<&str> = same.iter().map(|outcome| outcome.name.as_str()).collect();
    Some(RobustnessCurve {
        attack: format!("worst-{}", norm.word()),
        title: format!("worst-{norm}"),
        setting: format!("the worst that any of {} does to each example", names.join(", ")),
        points,
        zero_gradient: 0.0,
        faint_gradient: 0.0,
        norm: norm.word().to_owned(),
        objective: WORST.to_owned(),
        gradients: 0,
        reach: None,
        examples: first.examples(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::Spec;
    use crate::attack::recipe::EPSILONS;
    use crate::attack::tests::{bent, images, linear, points};

    fn outcome(
        model: &Model,
        inputs: &Tensor,
        labels: &[i64],
        attack: &str,
        epsilons: &[f64],
        batch: usize,
    ) -> Result<Outcome> {
        let trial = Trial { model, inputs, labels, first: 0, seed: 1, batch };
        trial.meet(attack.parse::<Spec>().unwrap().attack(), epsilons)
    }

    #[test]
    fn a_linear_model_falls_where_geometry_says() {
        // z₀ − z₁ = x₀ − x₁: an example of class 0 falls once 2ε exceeds its lead in L∞, once ε·√2
        // does in L2.
        let model = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[0.6, 0.45, 0.7, 0.45, 0.9, 0.45, 0.3, 0.65], 2);
        let labels = [0, 0, 0, 1];
        let grid = [0.05, 0.1, 0.15, 0.2, 0.3];
        for batch in [1, 3, 100] {
            for attack in [
                "fgsm",
                "pgd",
                "mi-fgsm(steps=40)",
                "apgd",
                "square(queries=200)",
                "deepfool(norm=linf)",
            ] {
                let curve = outcome(&model, &inputs, &labels, attack, &grid, batch);
                let curve = curve.unwrap().curve();
                let expected =
                    [(0.0, 1.0), (0.05, 1.0), (0.1, 0.75), (0.15, 0.5), (0.2, 0.25), (0.3, 0.0)];
                assert_eq!(curve.points, expected, "{attack} in batches of {batch}");
                assert_eq!((curve.zero_gradient, curve.faint_gradient), (0.0, 0.0));
                assert_eq!((curve.examples, curve.norm.as_str()), (4, "linf"));
            }
            for attack in ["pgd(norm=l2, step=0.02)", "apgd(norm=l2)", "cw", "deepfool"] {
                let grid = [0.1, 0.12, 0.17, 0.19, 0.26, 0.34];
                let points = outcome(&model, &inputs, &labels, attack, &grid, batch);
                let points = points.unwrap().curve().points;
                let expected = [
                    (0.0, 1.0),
                    (0.1, 1.0),
                    (0.12, 0.75),
                    (0.17, 0.75),
                    (0.19, 0.5),
                    (0.26, 0.25),
                    (0.34, 0.0),
                ];
                assert_eq!(points, expected, "{attack} in batches of {batch}");
            }
        }
    }

    #[test]
    fn what_cannot_reach_its_budget_says_so() {
        let model = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[0.6, 0.45], 2);
        for (attack, reach) in [
            ("pgd(step=0.01, steps=10)", Some(0.1)),
            ("pgd(step=0.03, steps=10)", None),
            ("pgd(step=0.1, steps=3)", None),
            ("mi-fgsm(step=0.01)", Some(0.1)),
            ("pgd(norm=l2)", None),
            ("fgsm", None),
        ] {
            let curve = outcome(&model, &inputs, &[0], attack, &[0.0, 0.05, 0.3], 8);
            let found = curve.unwrap().curve().reach;
            assert!(found.zip(reach).is_none_or(|(a, b)| (a - b).abs() < 1e-12), "{attack}");
            assert_eq!(found.is_some(), reach.is_some(), "{attack}");
        }
    }

    #[test]
    fn what_was_found_is_an_outcome_with_its_attack() {
        let (inputs, labels) = points();
        let labels = Vec::<i64>::try_from(labels).unwrap();
        let spec: Spec = "pgd(steps=5)".parse().unwrap();
        let grid = [0.0, 0.05, 0.2];
        let whole = outcome(&bent(), &inputs, &labels, "pgd(steps=5)", &grid, 8).unwrap();
        let written = serde_json::to_string(whole.found()).unwrap();
        let read: Findings = serde_json::from_str(&written).unwrap();
        assert!(read.fits(3, 20) && !read.fits(2, 20) && !read.fits(3, 19));
        assert_eq!(Outcome::new(spec.attack(), &grid, read), whole);
    }

    #[test]
    fn blindness_is_counted() {
        // A lead of 500 leaves cross entropy no gradient in f32; one of 95 hardly one; such an
        // attack cannot succeed, and one on the margin does.
        let model = linear(&[1000.0, 0.0, 0.0, 1000.0], 2);
        let inputs = images(&[1.0, 0.5, 0.5005, 0.5, 0.595, 0.5], 2);
        let curve =
            |attack| outcome(&model, &inputs, &[0, 0, 0], attack, &EPSILONS, 8).unwrap().curve();
        let fgsm = curve("fgsm");
        assert_eq!(fgsm.zero_gradient, 1.0 / 3.0);
        assert_eq!(fgsm.faint_gradient, 1.0 / 3.0);
        assert_eq!(fgsm.points[6], (0.3, 1.0 / 3.0));
        let margin = curve("fgsm(loss=margin)");
        assert_eq!((margin.zero_gradient, margin.objective.as_str()), (0.0, "margin"));
        assert_eq!(margin.points[6], (0.3, 0.0));
    }

    #[test]
    fn the_worst_case_is_that_of_each_example() {
        let (inputs, labels) = points();
        let labels = Vec::<i64>::try_from(labels).unwrap();
        let model = bent();
        let all = |attacks: &[&str]| -> Vec<Outcome> {
            let grid = [0.0, 0.05, 0.1, 0.2];
            let each =
                attacks.iter().map(|attack| outcome(&model, &inputs, &labels, attack, &grid, 7));
            each.map(Result::unwrap).collect()
        };
        let outcomes = all(&["fgsm", "square(queries=20)", "cw(steps=20)"]);
        let found = curves(&outcomes);
        assert_eq!(found.len(), 4, "no worst case of one attack in L2");
        let worst = &found[3];
        assert_eq!(worst.attack, "worst-linf");
        for at in 0..4 {
            assert!(worst.points[at].1 <= found[0].points[at].1.min(found[1].points[at].1));
        }
        let felled = |at: usize| -> Vec<usize> {
            let right =
                |outcome: &Outcome, i: usize| outcome.found.right[..=at].iter().all(|r| r[i]);
            (0..20).filter(|&i| !(right(&outcomes[0], i) && right(&outcomes[1], i))).collect()
        };
        assert!((worst.points[3].1 - (1.0 - felled(3).len() as f64 / 20.0)).abs() < 1e-12);
        assert_eq!(curves(&all(&["fgsm", "pgd"])).len(), 2);
    }

    #[test]
    fn parts_become_one() {
        let (inputs, labels) = points();
        let labels = Vec::<i64>::try_from(labels).unwrap();
        let model = bent();
        let spec: Spec = "pgd".parse().unwrap();
        let of = |first: usize, n: usize| {
            let inputs = inputs.narrow(0, first as i64, n as i64);
            let labels = &labels[first..first + n];
            let trial = Trial { model: &model, inputs: &inputs, labels, first, seed: 4, batch: 3 };
            trial.meet(spec.attack(), &[0.1, 0.2]).unwrap()
        };
        let mut parts = of(0, 13);
        parts.append(of(13, 7));
        assert_eq!(parts, of(0, 20));
    }

    #[test]
    fn odd_requests_are_refused() {
        let model = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[0.6, 0.5], 2);
        let complaint = |inputs: &Tensor, labels: &[i64], epsilons: &[f64], batch| {
            outcome(&model, inputs, labels, "fgsm", epsilons, batch).unwrap_err().to_string()
        };
        assert!(complaint(&images(&[1.5, 0.0], 2), &[0], &[0.1], 8).contains("from 0 to 1.5"));
        assert!(complaint(&images(&[f32::NAN, 0.0], 2), &[0], &[0.1], 8).contains("NaN"));
        assert!(complaint(&inputs, &[0, 1], &[0.1], 8).contains("2 labels for 1 inputs"));
        assert!(complaint(&inputs, &[0], &[-0.1], 8).contains("ε = -0.1"));
        assert!(complaint(&inputs, &[0], &[f64::NAN], 8).contains("ε = NaN"));
        assert!(complaint(&inputs, &[0], &[0.1], 0).contains("batches of 0"));
        assert!(complaint(&inputs.view([2]), &[0, 0], &[0.1], 8).contains("(N, C, H, W)"));
        assert!(complaint(&images(&[], 2), &[], &[0.1], 8).contains("(N, C, H, W)"));
        // libtorch or the labels' own check names the class.
        assert!(complaint(&inputs, &[2], &[0.1], 8).contains('2'));
        assert!(complaint(&inputs, &[-100], &[0.1], 8).contains("-100"));
        let broken = |inputs: &Tensor| Ok(inputs.flatten(1, -1) * f64::NAN);
        let error = outcome(&broken, &inputs, &[0], "fgsm", &[0.1], 8).unwrap_err();
        assert!(error.to_string().contains("row 0, column 0 is NaN"), "{error}");
    }
}
