//! Gradient masking (Athalye et al. 2018): an attack that follows the gradient of cross entropy stops
//! where there is none, which looks like robustness. What needs no such gradient tells.

use super::robustness::WORST;
use crate::measure::RobustnessCurve;

/// By how much of the examples an attack has to be worse to be worth a word: one percent.
const NOTABLE: f64 = 0.01;

/// A warning for each norm in which an attack that does without cross entropy as it is leaves
/// notably fewer examples right, with some budget, than every attack that follows its gradient.
pub fn masking(curves: &[RobustnessCurve]) -> Vec<String> {
    let named = |norm: &'static str, symbol: &'static str| {
        let same: Vec<&RobustnessCurve> = curves.iter().filter(|c| c.norm == norm).collect();
        warning(&same, symbol)
    };
    [named("linf", "L∞"), named("l2", "L2")].into_iter().flatten().collect()
}

fn warning(curves: &[&RobustnessCurve], norm: &str) -> Option<String> {
    let (with, without): (Vec<&RobustnessCurve>, Vec<_>) =
        curves.iter().filter(|c| c.objective != WORST).partition(|c| c.objective == "ce");
    let lowest = |curves: &[&RobustnessCurve], epsilon: f64| {
        let at = |curve: &RobustnessCurve| {
            let point = curve.points.iter().find(|point| point.0 == epsilon)?;
            Some((point.1, curve.attack.clone()))
        };
        let all = curves.iter().filter_map(|curve| at(curve));
        all.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let budgets = with.first()?.points.iter().map(|point| point.0);
    let gaps = budgets.filter_map(|epsilon| {
        let ((seen, by), (left, other)) = (lowest(&with, epsilon)?, lowest(&without, epsilon)?);
        Some((seen - left, epsilon, seen, by, left, other))
    });
    let (gap, epsilon, seen, by, left, other) = gaps.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (gap >= NOTABLE).then(|| {
        format!(
            "gradient masking: with ε = {epsilon} in {norm}, {other} leaves {:.1} % right and \
             {by}, the best that follows the gradient of cross entropy, {:.1} %",
            100.0 * left,
            100.0 * seen
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(attack: &str, norm: &str, objective: &str, right: [f64; 2]) -> RobustnessCurve {
        RobustnessCurve {
            attack: attack.to_owned(),
            setting: String::new(),
            points: vec![(0.0, 0.99), (0.1, right[0]), (0.2, right[1])],
            zero_gradient: 0.0,
            faint_gradient: 0.0,
            norm: norm.to_owned(),
            objective: objective.to_owned(),
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
}
