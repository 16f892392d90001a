//! Gradient masking (Athalye et al. 2018): an attack that follows the gradient of cross entropy stops
//! where there is none, which looks like robustness. What needs no such gradient tells.
//!
//! Only like is told from like: an attack whose steps cannot lead as far as ε, or that takes fewer of
//! them than the other, is weaker for reasons of its own.

use crate::measure::RobustnessCurve;

/// The objective of the record of the worst case: what any of several attacks does to each example.
pub const WORST: &str = "any";

/// By how much of the examples an attack has to be worse to be worth a word: one percent.
const NOTABLE: f64 = 0.01;

/// A warning for each norm in which an attack that does without cross entropy as it is leaves
/// notably fewer examples right, with some budget, than every attack that follows its gradient as
/// far and as often.
pub fn masking(curves: &[RobustnessCurve]) -> Vec<String> {
    let named = |norm: &'static str, symbol: &'static str| {
        let same: Vec<&RobustnessCurve> = curves.iter().filter(|c| c.norm == norm).collect();
        warning(&same, symbol)
    };
    [named("linf", "L∞"), named("l2", "L2")].into_iter().flatten().collect()
}

/// A word for each attack whose steps cannot lead as far as the largest budget.
pub fn short_of_budget(curves: &[RobustnessCurve]) -> Vec<String> {
    let word = |curve: &RobustnessCurve| {
        let reach = curve.reach?;
        Some(format!(
            "the steps of {} lead {} far at most: what is right with a larger ε was not put to the test",
            curve.attack,
            (1e4 * reach).round() / 1e4
        ))
    };
    curves.iter().filter_map(word).collect()
}

fn warning(curves: &[&RobustnessCurve], norm: &str) -> Option<String> {
    let (with, without): (Vec<&RobustnessCurve>, Vec<_>) =
        curves.iter().filter(|c| c.objective != WORST).partition(|c| c.objective == "ce");
    let gaps = without.iter().flat_map(|other| {
        let with = &with;
        other.points.iter().filter_map(move |&(epsilon, left)| {
            let comparable = with.iter().filter(|follows| tells(follows, other, epsilon));
            let seen = comparable.filter_map(|follows| Some((right(follows, epsilon)?, follows)));
            let (seen, by) = seen.min_by(|a, b| a.0.total_cmp(&b.0))?;
            Some((seen - left, epsilon, seen, by, left, other))
        })
    });
    // Of equal gaps the first one.
    let (gap, epsilon, seen, by, left, other) =
        gaps.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    (gap >= NOTABLE).then(|| {
        format!(
            "gradient masking: with ε = {epsilon} in {norm}, {} leaves {:.1} % right and {}, the \
             best that follows the gradient of cross entropy, {:.1} %",
            other.attack,
            100.0 * left,
            by.attack,
            100.0 * seen
        )
    })
}

/// The share that is right with this budget.
fn right(curve: &RobustnessCurve, epsilon: f64) -> Option<f64> {
    curve.points.iter().find(|point| point.0 == epsilon).map(|point| point.1)
}

/// Whether it tells of masking that `other` fells more than `follows`, which follows the gradient of
/// cross entropy: not where it could not go as far, nor where it did not try as hard. A single step
/// is no match for a search without gradients either.
fn tells(follows: &RobustnessCurve, other: &RobustnessCurve, epsilon: f64) -> bool {
    let far = |curve: &RobustnessCurve| curve.reach.map_or(epsilon, |reach| reach.min(epsilon));
    let tries = match other.gradients {
        0 => 2,
        gradients => gradients,
    };
    // Records from before it was noted have 0.
    let as_hard = follows.gradients == 0 || follows.gradients >= tries;
    as_hard && far(follows) >= far(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(attack: &str, norm: &str, objective: &str, right: [f64; 2]) -> RobustnessCurve {
        RobustnessCurve {
            attack: attack.to_owned(),
            title: String::new(),
            setting: String::new(),
            points: vec![(0.0, 0.99), (0.1, right[0]), (0.2, right[1])],
            zero_gradient: 0.0,
            faint_gradient: 0.0,
            norm: norm.to_owned(),
            objective: objective.to_owned(),
            gradients: if objective == "none" { 0 } else { 40 },
            reach: None,
            examples: 1000,
        }
    }

    #[test]
    fn the_widest_gap_is_named() {
        let curves = [
            curve("fgsm", "linf", "ce", [0.8, 0.7]),
            curve("pgd-linf", "linf", "ce", [0.7, 0.6]),
            curve("square-linf", "linf", "none", [0.75, 0.5]),
            curve("pgd-linf-margin", "linf", "margin", [0.65, 0.2]),
            curve("pgd-l2", "l2", "ce", [0.5, 0.4]),
            curve("apgd-l2-dlr", "l2", "dlr", [0.495, 0.41]),
            curve("worst-l2", "l2", "any", [0.1, 0.1]),
        ];
        assert_eq!(
            masking(&curves),
            ["gradient masking: with ε = 0.2 in L∞, pgd-linf-margin leaves 20.0 % right and \
              pgd-linf, the best that follows the gradient of cross entropy, 60.0 %"]
        );
        assert!(masking(&curves[..2]).is_empty() && masking(&curves[2..3]).is_empty());
    }

    /// 40 steps of 2/255 against an attack that can go as far as ε: 2.2 against 77.2 % with plain cross
    /// entropy, and nothing is masked.
    #[test]
    fn what_cannot_reach_the_budget_is_no_evidence() {
        let short = |reach| RobustnessCurve {
            reach: Some(reach),
            ..curve("pgd-l2", "l2", "ce", [0.8, 0.772])
        };
        let margin = curve("pgd-l2-margin", "l2", "margin", [0.8, 0.022]);
        assert!(masking(&[short(0.15), margin.clone()]).is_empty());
        assert_eq!(masking(&[short(0.2), margin.clone()]).len(), 1);
        // Both end at the same place.
        let as_short = RobustnessCurve { reach: Some(0.15), ..margin.clone() };
        assert_eq!(masking(&[short(0.15), as_short]).len(), 1);
        // Where both get, it tells all the same.
        let early = curve("pgd-l2-margin", "l2", "margin", [0.5, 0.022]);
        let [warning] = &masking(&[short(0.15), early])[..] else { panic!() };
        assert!(warning.contains("ε = 0.1"), "{warning}");
        let words = short_of_budget(&[short(0.15), margin]);
        assert_eq!(
            words,
            [
                "the steps of pgd-l2 lead 0.15 far at most: what is right with a larger ε was not put to \
              the test"
            ]
        );
    }

    /// One step, or forty against a hundred, is a weaker attack on any model.
    #[test]
    fn who_tries_less_hard_is_no_evidence() {
        let with = |gradients, curve| RobustnessCurve { gradients, ..curve };
        let fgsm = with(1, curve("fgsm", "linf", "ce", [0.8, 0.7]));
        let pgd = curve("pgd-linf", "linf", "ce", [0.7, 0.6]);
        let margin = curve("pgd-linf-margin", "linf", "margin", [0.5, 0.4]);
        let dlr = with(101, curve("apgd-linf-dlr", "linf", "dlr", [0.4, 0.3]));
        let square = curve("square-linf", "linf", "none", [0.5, 0.4]);
        let step = with(1, curve("fgsm-margin", "linf", "margin", [0.5, 0.4]));
        for (curves, warns) in [
            ([fgsm.clone(), margin.clone()], false),
            ([fgsm.clone(), square.clone()], false),
            ([fgsm, step], true),
            ([pgd.clone(), dlr.clone()], false),
            ([with(101, pgd.clone()), dlr.clone()], true),
            ([pgd.clone(), square], true),
            // An old record tells what it told.
            ([with(0, pgd), dlr], true),
        ] {
            assert_eq!(masking(&curves).len(), usize::from(warns), "{curves:?}");
        }
    }
}
