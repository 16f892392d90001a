//! Accuracy under attack as its budget grows (the paper's Figure 7).

use super::{Figure, legend, seeds};
use crate::experiment::{Comparison, Group};
use crate::measure::{RobustnessCurve, mean};
use crate::report::axis::Axis;
use crate::report::chart::Panel;
use crate::report::number;

/// One panel an attack; `None` where no run was attacked.
pub fn figure(comparison: &Comparison) -> Option<Figure> {
    let mut attacks: Vec<&RobustnessCurve> = Vec::new();
    for curve in comparison.groups.iter().flat_map(curves) {
        if attacks.iter().all(|known| known.attack != curve.attack) {
            attacks.push(curve);
        }
    }
    if attacks.is_empty() {
        return None;
    }
    let settings: Vec<String> = attacks
        .iter()
        .map(|curve| {
            format!("{}: {} ({})", title(&curve.attack), curve.setting, blind(comparison, curve))
        })
        .collect();
    Some(Figure {
        name: "robustness",
        title: "Accuracy under attack".to_owned(),
        caption: format!(
            "Accuracy on test examples moved by up to ε in pixel units (Figure 7 of the paper): {}. \
             {}. Where the gradient is exactly zero an attack finds no direction; that looks like \
             robustness and is not.",
            seeds::described(&comparison.signature.seeds),
            settings.join(". "),
        ),
        legend: legend(comparison),
        panels: attacks.iter().map(|curve| panel(comparison, &curve.attack)).collect(),
    })
}

fn panel(comparison: &Comparison, attack: &str) -> Panel {
    let points = |curve: &RobustnessCurve| -> Vec<(f64, f64)> {
        curve.points.iter().map(|&(epsilon, accuracy)| (epsilon, 100.0 * accuracy)).collect()
    };
    let marks = comparison.groups.iter().enumerate().flat_map(|(series, group)| {
        let curves: Vec<_> = curves(group).filter(|c| c.attack == attack).map(points).collect();
        seeds::mean_and_band(series, &curves)
    });
    let all = comparison.groups.iter().flat_map(curves).filter(|curve| curve.attack == attack);
    let budgets = all.flat_map(|curve| curve.points.iter().map(|point| point.0));
    let high = Axis::holding("", budgets.chain([0.0])).high;
    Panel {
        title: title(attack).to_owned(),
        x: Axis::linear("ε, pixel units", 0.0, high),
        y: Axis::linear("accuracy, %", 0.0, 100.0),
        marks: marks.collect(),
    }
}

fn curves(group: &Group) -> impl Iterator<Item = &RobustnessCurve> {
    group.runs.iter().flat_map(|run| &run.measures.robustness)
}

/// The field's way of writing an attack's name.
fn title(attack: &str) -> &str {
    match attack {
        "fgsm" => "FGSM",
        "pgd-linf" => "PGD-L∞",
        other => other,
    }
}

/// "zero gradient on 0.0 % of the examples under ce, …".
fn blind(comparison: &Comparison, attack: &RobustnessCurve) -> String {
    let shares = comparison.groups.iter().filter_map(|group| {
        let same = curves(group).filter(|curve| curve.attack == attack.attack);
        let share = mean(&same.map(|curve| 100.0 * curve.zero_gradient).collect::<Vec<_>>())?;
        Some(format!("{}\u{a0}% under {}", number::plain(share, 1), group.setting))
    });
    format!(
        "input gradient exactly zero on {} of the examples",
        shares.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::Shape;
    use crate::report::sample;

    #[test]
    fn one_panel_an_attack_with_the_mean_over_seeds() {
        let mut comparison = sample::comparison(&["ce"], 2);
        for (run, accuracy) in comparison.groups[0].runs.iter_mut().zip([0.5, 0.7]) {
            run.measures.robustness[0].points = vec![(0.0, 0.9), (0.1, accuracy)];
        }
        let figure = figure(&comparison).unwrap();
        assert_eq!(figure.panels.len(), 2);
        let Shape::Line(line) = &figure.panels[0].marks[1].shape else { panic!() };
        assert!((line[1].1 - 60.0).abs() < 1e-9 && line[1].0 == 0.1);
        assert!(
            figure.caption.contains("exactly zero on 0.0\u{a0}% under ce"),
            "{}",
            figure.caption
        );
    }

    #[test]
    fn none_without_an_attack() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.robustness.clear();
        assert!(figure(&comparison).is_none());
    }
}
