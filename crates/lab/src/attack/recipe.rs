//! [`AttackRecipe`]: which attacks a model meets, and with which budgets; [`AdversarialRecipe`]:
//! the one that it is trained against.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::{Apgd, Cw, Effort, Fgsm, Norm, Objective, Pgd, Spec, Square};
use crate::{Error, Result, Validate};

/// The paper's grid of ε for attacks in the L∞ norm, in pixel units.
pub const EPSILONS: [f64; 7] = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3];
/// The paper's grid of ε for attacks in the L2 norm.
pub const L2_EPSILONS: [f64; 7] = [0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

/// More than any image is wide in L2: a million values of 0 to 1 are 1000.
const LONGEST: f64 = 10_000.0;

/// How each model is attacked: `[attack]`. Either `pgd_steps` and `pgd_step_size` for FGSM and
/// PGD-L∞, or a preset, a list of attacks, or both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackRecipe {
    /// Known attacks with known budgets, before those that are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Budgets ε of the L∞ attacks in pixel units of \[0, 1\], ascending, 0 first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epsilons: Vec<f64>,
    /// Budgets of the L2 attacks, ascending, 0 first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub l2_epsilons: Vec<f64>,
    /// Steps of PGD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgd_steps: Option<NonZeroUsize>,
    /// Length of one of them in pixel units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgd_step_size: Option<f64>,
    /// The attacks, each as one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attacks: Vec<Spec>,
    /// How many of the test examples are attacked, the first ones; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<NonZeroUsize>,
}

/// Known attacks with known budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Those of the paper's Figure 7 as its code runs them, PGD-L2's floor and its start at the input
    /// included. The floor is 10⁻¹⁰ beside the gradient of the mean loss of batches of 128: 128 times
    /// as much beside that of an example's own.
    Paper,
    /// The paper's, and what does not need the gradient of cross entropy: PGD on the margin, APGD
    /// on cross entropy and on the difference of logits ratio, Square, CW.
    Thorough,
}

impl Preset {
    fn attacks(self) -> Vec<Spec> {
        let (norm, step) = (Norm::L2, Some(0.2));
        let linf = Pgd { step: Some(2.0 / 255.0), ..Pgd::default() };
        let (margin, dlr) = (Objective::Margin, Objective::Dlr);
        let paper = [
            Spec::Fgsm(Fgsm::default()),
            Spec::Pgd(linf.clone()),
            Spec::Pgd(Pgd { norm, step, random_start: false, floor: 1.28e-8, ..Pgd::default() }),
        ];
        let beyond = [
            Spec::Pgd(Pgd { objective: margin, ..linf }),
            Spec::Apgd(Apgd::default()),
            Spec::Apgd(Apgd { objective: dlr, ..Apgd::default() }),
            Spec::Square(Square::default()),
            Spec::Pgd(Pgd { norm, step, objective: margin, ..Pgd::default() }),
            Spec::Apgd(Apgd { norm, ..Apgd::default() }),
            Spec::Apgd(Apgd { norm, objective: dlr, ..Apgd::default() }),
            Spec::Cw(Cw::default()),
        ];
        match self {
            Preset::Paper => paper.into(),
            Preset::Thorough => paper.into_iter().chain(beyond).collect(),
        }
    }
}

impl AttackRecipe {
    /// FGSM and PGD-L∞ over one grid.
    pub fn short(epsilons: &[f64], pgd_steps: NonZeroUsize, pgd_step_size: f64) -> Self {
        Self {
            epsilons: epsilons.to_vec(),
            pgd_steps: Some(pgd_steps),
            pgd_step_size: Some(pgd_step_size),
            ..Self::default()
        }
    }

    /// The attacks, in their order.
    pub fn attacks(&self) -> Vec<Spec> {
        let mut all = self.preset.map_or(Vec::new(), Preset::attacks);
        if let (Some(steps), Some(step)) = (self.pgd_steps, self.pgd_step_size) {
            all.push(Spec::Fgsm(Fgsm::default()));
            all.push(Spec::Pgd(Pgd { steps: steps.get(), step: Some(step), ..Pgd::default() }));
        }
        all.extend(self.attacks.iter().cloned());
        all
    }

    /// The attacks on a model of so many classes, and a word for each that is another there: with two
    /// classes there is no difference of logits ratio, which compares three, and what a preset would
    /// climb it with climbs the margin instead (with which cross entropy agrees in direction).
    ///
    /// # Errors
    /// An attack, of those that are listed, that needs more classes.
    pub fn on(&self, classes: usize) -> Result<(Vec<Spec>, Vec<String>)> {
        let of_preset = self.preset.map_or(0, |preset| preset.attacks().len());
        let (mut attacks, mut words) = (self.attacks(), Vec::new());
        for (at, spec) in attacks.iter_mut().enumerate() {
            let needed = spec.classes();
            if classes >= needed {
                continue;
            }
            let preset = at < of_preset && classes >= 2;
            let Some(other) = spec.on_margin().filter(|_| preset) else {
                return Err(Error::Request(format!(
                    "attack: {spec} needs {needed} classes, and there are {classes}"
                )));
            };
            words.push(format!(
                "{spec} compares {needed} classes, and there are {classes}: {other} takes its place"
            ));
            *spec = other;
        }
        no_name_twice(&attacks)?;
        Ok((attacks, words))
    }

    /// The budgets of attacks in this norm.
    pub fn grid(&self, norm: Norm) -> &[f64] {
        let (said, preset): (_, &[f64]) = match norm {
            Norm::Linf => (&self.epsilons, &EPSILONS),
            Norm::L2 => (&self.l2_epsilons, &L2_EPSILONS),
        };
        if said.is_empty() && self.preset.is_some() { preset } else { said }
    }

    /// Whether an input is moved at all: budgets of 0 leave it where it is.
    pub fn moves(&self) -> bool {
        let grids = self.attacks().into_iter().map(|spec| self.grid(spec.attack().norm()).to_vec());
        grids.flatten().any(|epsilon| epsilon > 0.0)
    }

    /// About how many gradients `attacks` of its, those [`on`](Self::on) a model, take for one example.
    pub fn cost(&self, attacks: &[Spec]) -> f64 {
        attacks.iter().map(|spec| self.cost_of(spec)).sum()
    }

    /// About how many gradients one of its attacks takes for one example.
    pub fn cost_of(&self, spec: &Spec) -> f64 {
        let attack = spec.attack();
        let budgets = match attack.effort() {
            Effort::Nearest => 1,
            _ => self.grid(attack.norm()).iter().filter(|epsilon| **epsilon > 0.0).count(),
        };
        1.0 + budgets as f64 * (attack.cost() + 1.0 / 3.0)
    }
}

impl Validate for AttackRecipe {
    fn validate(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(format!("attack: {problem}")));
        if self.pgd_steps.is_some() != self.pgd_step_size.is_some() {
            return refuse("pgd_steps and pgd_step_size come together".to_owned());
        }
        if self.pgd_steps.is_some() && (self.preset.is_some() || !self.attacks.is_empty()) {
            return refuse("pgd_steps is for FGSM and PGD without a preset or a list".to_owned());
        }
        if let Some(size) = self.pgd_step_size.filter(|size| !(*size > 0.0 && *size <= 1.0)) {
            return refuse(format!("pgd_step_size = {size} must lie in (0, 1]"));
        }
        for (key, grid, highest) in
            [("epsilons", &self.epsilons, 1.0), ("l2_epsilons", &self.l2_epsilons, LONGEST)]
        {
            let ascending = grid.windows(2).all(|pair| pair[0] < pair[1]);
            let from_zero = grid.first().is_none_or(|first| *first == 0.0);
            if !ascending || !from_zero || !grid.iter().all(|e| *e <= highest) {
                return refuse(format!(
                    "{key} = {grid:?} must ascend from 0 and not exceed {highest}"
                ));
            }
        }
        let attacks = self.attacks();
        if attacks.is_empty() {
            return refuse(
                "no attack: a preset, attacks, or pgd_steps and pgd_step_size say which".to_owned(),
            );
        }
        for spec in &attacks {
            let norm = spec.attack().norm();
            if self.grid(norm).is_empty() {
                let key = if norm == Norm::L2 { "l2_epsilons" } else { "epsilons" };
                return refuse(format!("{spec} needs budgets: {key} = [0.0, …]"));
            }
        }
        no_name_twice(&attacks)
    }
}

/// Refuses two attacks that a table could not tell apart.
fn no_name_twice(attacks: &[Spec]) -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for spec in attacks {
        let name = spec.attack().name();
        if names.contains(&name) {
            return Err(Error::Request(format!(
                "attack: {spec} would be the second {name} in every table"
            )));
        }
        names.push(name);
    }
    Ok(())
}

/// Training on examples that are attacked anew at each step: `[adversarial]` (Madry et al. 2018).
/// The attack makes cross entropy large, whatever the loss is, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdversarialRecipe {
    /// With what.
    pub attack: Spec,
    /// Its budget.
    pub epsilon: f64,
}

impl AdversarialRecipe {
    /// Refuses an attack that needs more than so many classes.
    ///
    /// # Errors
    /// Says how many.
    pub fn on(&self, classes: usize) -> Result<()> {
        let (attack, needed) = (&self.attack, self.attack.classes());
        match classes < needed {
            true => Err(Error::Request(format!(
                "adversarial: {attack} needs {needed} classes, and there are {classes}"
            ))),
            false => Ok(()),
        }
    }
}

impl Validate for AdversarialRecipe {
    fn validate(&self) -> Result<()> {
        let Self { attack, epsilon } = self;
        let highest = if attack.attack().norm() == Norm::Linf { 1.0 } else { LONGEST };
        if !(*epsilon > 0.0 && *epsilon <= highest) {
            return Err(Error::Request(format!(
                "adversarial: epsilon = {epsilon} must be above 0 and not exceed {highest}"
            )));
        }
        if attack.attack().effort() == Effort::Nearest {
            return Err(Error::Request(format!(
                "adversarial: {attack} has no budget to train within"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(toml: &str) -> Result<AttackRecipe> {
        let recipe: AttackRecipe =
            toml::from_str(toml).map_err(|error| Error::refused("", error))?;
        recipe.validate().map(|()| recipe)
    }

    fn names(recipe: &AttackRecipe) -> Vec<String> {
        recipe.attacks().iter().map(|spec| spec.attack().name()).collect()
    }

    #[test]
    fn the_short_form_is_fgsm_and_pgd() {
        let short = "epsilons = [0.0, 0.1]\npgd_steps = 20\npgd_step_size = 0.03\n";
        let found = recipe(short).unwrap();
        assert_eq!(names(&found), ["fgsm", "pgd-linf"]);
        assert_eq!(found.attacks()[1], "pgd(steps=20, step=0.03)".parse().unwrap());
        // Old recipes keep their hash.
        assert_eq!(toml::to_string(&found).unwrap(), short);
        assert!((found.cost(&found.attacks()) - (2.0 + 1.0 + 20.0 + 2.0 / 3.0)).abs() < 1e-9);
    }

    #[test]
    fn a_budget_of_nothing_moves_nothing() {
        let moves = |toml: &str| recipe(toml).unwrap().moves();
        assert!(moves("epsilons = [0.0, 0.1]\npgd_steps = 20\npgd_step_size = 0.03"));
        assert!(!moves("epsilons = [0.0]\npgd_steps = 20\npgd_step_size = 0.03"));
        // A grid counts where an attack uses it.
        assert!(!moves("epsilons = [0.0]\nl2_epsilons = [0.0, 1.0]\nattacks = ['fgsm']"));
        assert!(moves("l2_epsilons = [0.0, 1.0]\nattacks = ['cw']"));
    }

    #[test]
    fn presets_bring_attacks_and_budgets() {
        let paper = recipe("preset = 'paper'").unwrap();
        assert_eq!(names(&paper), ["fgsm", "pgd-linf", "pgd-l2-floored"]);
        let l2 = "pgd(norm=l2, step=0.2, start=none, floor=1.28e-8)";
        let linf = format!("pgd(step={})", 2.0 / 255.0);
        assert_eq!(paper.attacks()[1..], [linf, l2.to_owned()].map(|spec| spec.parse().unwrap()));
        assert_eq!(paper.grid(Norm::Linf), EPSILONS);
        assert_eq!(paper.grid(Norm::L2), L2_EPSILONS);
        let more = recipe(
            "preset = 'thorough'\nl2_epsilons = [0.0, 1.0]\nattacks = ['deepfool', 'mi-fgsm']\n\
             examples = 100",
        )
        .unwrap();
        assert_eq!(more.grid(Norm::L2), [0.0, 1.0]);
        assert_eq!(names(&more).len(), 13);
        assert_eq!(recipe(&toml::to_string(&more).unwrap()).unwrap(), more);
    }

    #[test]
    fn two_classes_have_no_ratio_of_differences() {
        let thorough = recipe("preset = 'thorough'").unwrap();
        assert_eq!(thorough.on(3).unwrap(), (thorough.attacks(), vec![]));
        let (attacks, words) = thorough.on(2).unwrap();
        let of = |spec: &Spec| spec.attack().name();
        let names: Vec<String> = attacks.iter().map(of).collect();
        assert_eq!(names.len(), thorough.attacks().len());
        assert!(!names.iter().any(|name| name.contains("dlr")), "{names:?}");
        assert_eq!(
            words,
            [
                "apgd(loss=dlr) compares 3 classes, and there are 2: apgd(loss=margin) takes its place",
                "apgd(norm=l2, loss=dlr) compares 3 classes, and there are 2: apgd(norm=l2, \
                 loss=margin) takes its place"
            ]
        );
        for (toml, classes, expected) in [
            ("preset = 'thorough'", 1, "fgsm needs 2 classes, and there are 1"),
            (
                "epsilons = [0.0, 0.1]\nattacks = ['apgd(loss=dlr)']",
                2,
                "apgd(loss=dlr) needs 3 classes, and there are 2",
            ),
            (
                "epsilons = [0.0, 0.1]\nattacks = ['apgd(loss=dlr, targets=2)']",
                3,
                "needs 4 classes, and there are 3",
            ),
            (
                "epsilons = [0.0, 0.1]\nattacks = ['pgd(targets=3)']",
                3,
                "pgd(targets=3) needs 4 classes, and there are 3",
            ),
            (
                "preset = 'thorough'\nattacks = ['apgd(loss=margin)']",
                2,
                "apgd(loss=margin) would be the second apgd-linf-margin",
            ),
        ] {
            let error = recipe(toml).unwrap().on(classes).unwrap_err();
            assert!(error.to_string().contains(expected), "{toml}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (toml, expected) in [
            ("", "no attack"),
            ("epsilons = [0.0, 0.1]\npgd_steps = 2", "come together"),
            ("preset = 'paper'\npgd_steps = 2\npgd_step_size = 0.1", "without a preset"),
            ("epsilons = [0.0]\npgd_steps = 2\npgd_step_size = 0.0", "pgd_step_size = 0 must lie"),
            ("epsilons = [0.1]\nattacks = ['fgsm']", "epsilons = [0.1] must ascend from 0"),
            ("epsilons = [0.0, 1.5]\nattacks = ['fgsm']", "and not exceed 1"),
            ("epsilons = [0.0, nan]\nattacks = ['fgsm']", "must ascend"),
            ("epsilons = [0.0]\nattacks = ['cw']", "cw needs budgets: l2_epsilons = [0.0, …]"),
            (
                "l2_epsilons = [0.0, 1e9]\nattacks = ['cw']",
                "must ascend from 0 and not exceed 10000",
            ),
            ("attacks = ['pgd']", "pgd needs budgets: epsilons = [0.0, …]"),
            ("preset = 'paper'\nattacks = ['pgd(steps=7)']", "the second pgd-linf in every table"),
            ("preset = 'paper'\nattacks = ['bim']", "there is no attack \"bim\""),
        ] {
            let error = recipe(toml).unwrap_err().to_string();
            assert!(error.contains(expected), "{toml}: {error}");
        }
        for (toml, expected) in [
            ("attack = 'pgd'\nepsilon = 0.0", "epsilon = 0 must be above 0"),
            ("attack = 'pgd'\nepsilon = 8", "epsilon = 8 must be above 0 and not exceed 1"),
            ("attack = 'pgd(norm=l2)'\nepsilon = inf", "epsilon = inf must be above 0 and not"),
            ("attack = 'cw'\nepsilon = 0.3", "cw has no budget"),
        ] {
            let recipe: AdversarialRecipe = toml::from_str(toml).unwrap();
            let error = recipe.validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{toml}: {error}");
        }
        let dlr: AdversarialRecipe =
            toml::from_str("attack = 'pgd(loss=dlr)'\nepsilon = 0.1").unwrap();
        assert!(dlr.validate().is_ok() && dlr.on(3).is_ok());
        let error = dlr.on(2).unwrap_err().to_string();
        assert_eq!(error, "adversarial: pgd(loss=dlr) needs 3 classes, and there are 2");
    }
}
