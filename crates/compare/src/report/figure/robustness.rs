//! Accuracy under attack as its budget grows (the paper's Figure 7).

use super::{Card, Figure, seeds};
use crate::Comparison;
use crate::measure::{RobustnessCurve, mean};
use crate::report::axis::Axis;
use crate::report::chart::Panel;
use crate::report::number;

/// See [`figure`].
pub const CARD: Card = Card { name: "robustness", draw: |comparison, _| figure(comparison) };

/// What was attacked: its name, and the curves of each of its runs.
pub struct Series<'a> {
    /// The loss, with what is swept.
    pub name: String,
    /// One list a seed.
    pub runs: Vec<&'a [RobustnessCurve]>,
}

/// One panel an attack; `None` where no run was attacked.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let series: Vec<Series> = comparison
        .groups
        .iter()
        .map(|group| Series {
            name: group.setting.to_string(),
            runs: group.runs.iter().map(|run| &run.measures.robustness[..]).collect(),
        })
        .collect();
    of(&series, &comparison.signature.seeds)
}

/// One panel an attack; `None` where there is no curve.
pub fn of(series: &[Series], seeds: &[u64]) -> Option<Figure> {
    let mut attacks: Vec<&RobustnessCurve> = Vec::new();
    for curve in series.iter().flat_map(curves) {
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
            let how = how(series, &curve.attack);
            format!("{}: {how}{}", title(curve), blind(series, curve))
        })
        .collect();
    Some(Figure {
        name: CARD.name.to_owned(),
        title: "Accuracy under attack".to_owned(),
        caption: format!(
            "Accuracy on test examples moved by up to ε in pixel units (Figure 7 of the paper): {}. \
             {}. Where the gradient is exactly zero an attack finds no direction; that looks like \
             robustness and is not.",
            seeds::described(seeds),
            settings.join(". "),
        ),
        legend: series.iter().map(|series| series.name.clone()).enumerate().collect(),
        panels: attacks.iter().map(|curve| panel(series, curve)).collect(),
    })
}

/// How an attack was run, and where it could not go; where that is not alike in all runs, each way.
fn how(series: &[Series], attack: &str) -> String {
    let mut ways: Vec<String> = Vec::new();
    for curve in series.iter().flat_map(curves).filter(|curve| curve.attack == attack) {
        let reach = curve.reach.map_or(String::new(), |reach| {
            format!(" (its steps lead {} far at most)", (1e4 * reach).round() / 1e4)
        });
        let way = curve.setting.clone() + &reach;
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.join("; in other runs ")
}

fn panel(series: &[Series], of: &RobustnessCurve) -> Panel {
    let attack = &of.attack;
    let all = series.iter().flat_map(curves).filter(|curve| curve.attack == *attack);
    let budgets: Vec<f64> = all.flat_map(|curve| curve.points.iter().map(|p| p.0)).collect();
    let x = axis(&budgets);
    let points = |curve: &RobustnessCurve| -> Vec<(f64, f64)> {
        let inside = curve.points.iter().filter(|point| point.0 >= x.low);
        inside.map(|&(epsilon, accuracy)| (epsilon, 100.0 * accuracy)).collect()
    };
    let marks = series.iter().enumerate().flat_map(|(at, series)| {
        let curves: Vec<_> = curves(series).filter(|c| c.attack == *attack).map(points).collect();
        seeds::mean_and_band(at, &curves)
    });
    Panel {
        title: title(of).to_owned(),
        marks: marks.collect(),
        y: Axis::linear("accuracy, %", 0.0, 100.0),
        x,
    }
}

/// From 0 on, or by ratios where the budgets above 0 are far apart.
fn axis(budgets: &[f64]) -> Axis {
    let positive = || budgets.iter().copied().filter(|epsilon| *epsilon > 0.0);
    let (least, most) = (positive().fold(f64::MAX, f64::min), positive().fold(0.0, f64::max));
    if most > 20.0 * least {
        return Axis::logarithmic("ε, pixel units", positive());
    }
    let high = Axis::holding("", budgets.iter().copied().chain([0.0])).high;
    Axis::linear("ε, pixel units", 0.0, high)
}

fn curves<'a>(series: &Series<'a>) -> impl Iterator<Item = &'a RobustnessCurve> {
    series.runs.clone().into_iter().flatten()
}

/// What the record calls its attack for people; one from before that was noted has its name alone.
fn title(curve: &RobustnessCurve) -> &str {
    if curve.title.is_empty() { &curve.attack } else { &curve.title }
}

/// " (input gradient exactly zero on 0.0 % of the examples under ce, …)", where it follows one.
fn blind(series: &[Series], attack: &RobustnessCurve) -> String {
    if ["none", "any"].contains(&attack.objective.as_str()) {
        return String::new();
    }
    let shares = series.iter().filter_map(|series| {
        let same = || curves(series).filter(|curve| curve.attack == attack.attack);
        let percent = |of: fn(&RobustnessCurve) -> f64| {
            mean(&same().map(|curve| 100.0 * of(curve)).collect::<Vec<_>>())
        };
        let zero = number::plain(percent(|curve| curve.zero_gradient)?, 1);
        let faint = percent(|curve| curve.faint_gradient)?;
        let faint = match faint > 0.0 {
            true => format!(" and underflowing on {}\u{a0}%", number::plain(faint, 1)),
            false => String::new(),
        };
        Some(format!("{zero}\u{a0}%{faint} under {}", series.name))
    });
    format!(
        " (input gradient exactly zero on {} of the examples)",
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
    fn ways_that_differ_between_runs_are_all_said() {
        let mut comparison = sample::comparison(&["ce"], 2);
        let curve = &mut comparison.groups[0].runs[1].measures.robustness[0];
        (curve.setting, curve.reach) = ("two steps".to_owned(), Some(0.078_431));
        let caption = figure(&comparison).unwrap().caption;
        let expected =
            "FGSM: one step; in other runs two steps (its steps lead 0.0784 far at most)";
        assert!(caption.contains(expected), "{caption}");
    }

    #[test]
    fn a_panel_is_called_as_the_record_says() {
        let mut comparison = sample::comparison(&["ce"], 2);
        let titles = |comparison: &Comparison| -> Vec<String> {
            figure(comparison).unwrap().panels.iter().map(|panel| panel.title.clone()).collect()
        };
        assert_eq!(titles(&comparison), ["FGSM", "PGD-L∞"]);
        // An older record knows no name for people.
        for run in &mut comparison.groups[0].runs {
            run.measures.robustness[1].title.clear();
        }
        assert_eq!(titles(&comparison), ["FGSM", "pgd-linf"]);
    }

    #[test]
    fn none_without_an_attack() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.robustness.clear();
        assert!(figure(&comparison).is_none());
    }
}
