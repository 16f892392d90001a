//! Losses as curves: the paper's Figures 2 and 3, and whatever losses are compared.

use super::{Card, Figure};
use crate::Comparison;
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use steepness::{Base, Bonus, Curve, Loss, Odds};

/// See [`figure2`].
pub const LOSS_AND_BONUS: Card = Card { name: "fig2_loss_and_bonus", draw: |_, _| Some(figure2()) };
/// See [`figure3`].
pub const BONUSES: Card = Card { name: "fig3_bonus", draw: |_, _| Some(figure3()) };
/// See [`figure`].
pub const CURVES: Card = Card { name: "curves", draw: |comparison, _| figure(&losses(comparison)) };

/// The losses of a comparison; with several learning rates each is there several times.
fn losses(comparison: &Comparison) -> Vec<Loss> {
    let settings = comparison.groups.iter().map(|group| &group.setting);
    let told = settings.filter(|setting| !setting.without_loss);
    let mut losses: Vec<_> = told.map(|setting| setting.loss.clone()).collect();
    losses.dedup();
    losses
}

/// Points of a curve.
const POINTS: usize = 400;

/// Probabilities inside (0, 1): even in the middle, ever closer together towards both ends, where
/// the logarithms run away; up to 1 − p = 2.5e-5, short of the published clamp.
fn probabilities() -> impl Iterator<Item = f64> {
    let even = (1..POINTS).map(|k| k as f64 / POINTS as f64);
    let ends = (1..=20).map(|k| 10f64.powf(-0.1 * k as f64) / POINTS as f64);
    let mut all: Vec<f64> = even.chain(ends.flat_map(|e| [e, 1.0 - e])).collect();
    all.sort_by(f64::total_cmp);
    all.into_iter()
}

/// A curve over p.
fn over_p(f: impl Fn(&Odds) -> f64) -> Shape {
    Shape::Line(probabilities().map(|p| (p, f(&Odds::from_probability(p)))).collect())
}

/// The bonus alone that ends its logarithm at `le`.
fn bonus(le: f64) -> Curve {
    Curve { base: Base::Zero, bonus: Some(Bonus::log(le)) }
}

/// The paper's Figure 2: cross entropy, the normal bonus, their sum.
pub fn figure2() -> Figure {
    let panel = |title: &str, curve: Curve| Panel {
        title: title.to_owned(),
        x: Axis::linear("p of the label", 0.0, 1.0),
        y: Axis::linear("loss", -5.0, 5.0),
        marks: vec![
            Mark { series: 0, shape: Shape::Guide(vec![(0.0, 0.0), (1.0, 0.0)]) },
            Mark { series: 0, shape: over_p(|odds| curve.value(odds)) },
        ],
    };
    Figure {
        name: LOSS_AND_BONUS.name.to_owned(),
        title: "Cross entropy, the bonus, and the encouraging loss".to_owned(),
        caption: "The encouraging loss is the sum of cross entropy −log p and the normal bonus \
                  log(1 − p) (Figure 2 of the paper). Cross entropy flattens as p \
                  approaches 1 and stops teaching; the bonus falls ever faster there, and the sum \
                  is as steep at p = 1 as at p = 0. It crosses 0 at p = 0.5."
            .to_owned(),
        legend: Vec::new(),
        panels: vec![
            panel("cross entropy: −log p", Curve::CROSS_ENTROPY),
            panel("bonus: log(1 − p)", bonus(1.0)),
            panel("their sum", Curve::encouraging(1.0)),
        ],
    }
}

/// The paper's Figure 3: conservative bonuses, and where each leaves the logarithm.
pub fn figure3() -> Figure {
    let ends = [1.0, 0.75, 0.5, 0.25, 0.0];
    let lines = ends.iter().enumerate();
    let marks = lines.clone().flat_map(|(at, &le)| {
        let line = Mark { series: at, shape: over_p(|odds| bonus(le).value(odds)) };
        // LE = 0 and 1 lie on the frame.
        let end = (0.0 < le && le < 1.0).then_some(Mark { series: at, shape: Shape::Vertical(le) });
        end.into_iter().chain([line])
    });
    Figure {
        name: BONUSES.name.to_owned(),
        title: "Bonus curves by log end".to_owned(),
        caption:
            "What an encouraging loss with each log end LE adds to cross entropy (Figure 3 of \
                  the paper). Left of its LE, the dashed vertical line, a bonus is \
                  log(1 − p); right of it, the tangent there, so that its slope stays bounded. \
                  LE = 1 is the normal bonus, LE = 0 the straight line −p."
                .to_owned(),
        legend: lines.map(|(at, le)| (at, format!("LE = {le}"))).collect(),
        panels: vec![Panel {
            title: "bonus".to_owned(),
            x: Axis::linear("p of the label", 0.0, 1.0),
            y: Axis::linear("bonus", -3.0, 0.0),
            marks: marks.collect(),
        }],
    }
}

/// Value and steepness of the losses compared, over p and over the log-odds; `None` where none of
/// them is a curve of its label's probability.
pub fn figure(losses: &[Loss]) -> Option<Figure> {
    let drawn = || {
        let all = losses.iter().enumerate();
        all.filter_map(|(series, loss)| Some((series, loss, loss.curve()?)))
    };
    let others: Vec<String> =
        losses.iter().filter(|loss| loss.curve().is_none()).map(Loss::to_string).collect();
    if others.len() == losses.len() {
        return None;
    }
    let marks = |shape: &dyn Fn(&Curve) -> Shape| -> Vec<Mark> {
        drawn().map(|(series, _, curve)| Mark { series, shape: shape(curve) }).collect()
    };
    let value = marks(&|curve| over_p(|odds| curve.value(odds)));
    let steepness = marks(&|curve| over_p(|odds| curve.steepness(odds)));
    let (low, high) = (-5.0, 15.0);
    let by_odds = marks(&|curve| {
        let log_odds = (0..=POINTS).map(|k| low + (high - low) * k as f64 / POINTS as f64);
        let points = log_odds.map(|u| (u, curve.steepness(&Odds::from_log_odds(u))));
        Shape::Line(points.collect())
    });
    let steepest = steepness.iter().chain(&by_odds).flat_map(|mark| match &mark.shape {
        Shape::Line(points) => points.iter().map(|point| point.1).collect(),
        _ => Vec::new(),
    });
    let top = Axis::holding("", steepest.chain([0.0, 1.05])).high;
    let steep = || Axis::linear("|∂L/∂z| of the label", 0.0, top);
    Some(Figure {
        name: CURVES.name.to_owned(),
        title: "The losses compared: value and steepness".to_owned(),
        caption: format!(
            "Left, the loss of one example against the probability p that it gives its label. \
             Middle and right, its steepness |∂L/∂z| with respect to the label's logit: how hard \
             the example still pulls. Cross entropy (1 − p) lets go of what is classified well; an \
             encouraging loss holds on up to its log end. The right panel spreads out the \
             well-classified end by the log-odds ln p/(1 − p); a clamp ends the bonus there at \
             once (11.5 for the published 1e-5). Computed, not measured, and for hard targets \
             alone: smoothing, weights and schedules are not drawn.{}",
            if others.is_empty() {
                String::new()
            } else {
                format!(" No curve of p alone, so not drawn: {}.", others.join("; "))
            }
        ),
        legend: drawn().map(|(series, loss, _)| (series, loss.to_string())).collect(),
        panels: vec![
            Panel {
                title: "loss".to_owned(),
                x: Axis::linear("p of the label", 0.0, 1.0),
                y: Axis::linear("L(p)", -5.0, 5.0),
                marks: value,
            },
            Panel {
                title: "steepness by probability".to_owned(),
                x: Axis::linear("p of the label", 0.0, 1.0),
                y: steep(),
                marks: steepness,
            },
            Panel {
                title: "steepness by log-odds".to_owned(),
                x: Axis::linear("log-odds of the label", low, high),
                y: steep(),
                marks: by_odds,
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mark: &Mark) -> &[(f64, f64)] {
        let Shape::Line(points) = &mark.shape else { panic!("{mark:?}") };
        points
    }

    fn at(mark: &Mark, x: f64) -> f64 {
        line(mark).iter().find(|point| (point.0 - x).abs() < 1e-9).unwrap().1
    }

    /// The paper's golden values "loss / ∂L/∂z_y" at p = 0.9, LE = 0.75 and 1.
    #[test]
    fn curves_are_the_papers() {
        let losses = ["ce", "el(le=0.75)", "el(le=1)"].map(|spec| spec.parse().unwrap());
        let figure = figure(&losses).unwrap();
        for (series, value, steepness) in
            [(0, 0.105361, 0.1), (1, -1.880934, 0.46), (2, -2.197225, 1.0)]
        {
            assert!((at(&figure.panels[0].marks[series], 0.9) - value).abs() < 1e-6);
            assert!((at(&figure.panels[1].marks[series], 0.9) - steepness).abs() < 1e-6);
        }
        // Right of the clamp at 11.513 the normal bonus is off.
        assert!((at(&figure.panels[2].marks[2], 11.5) - 1.0).abs() < 1e-4);
        assert!(at(&figure.panels[2].marks[2], 11.55) < 1e-4);
    }

    #[test]
    fn a_bonus_is_the_logarithm_up_to_its_end_and_its_tangent_after() {
        let figure = figure3();
        let lines: Vec<_> = figure.panels[0]
            .marks
            .iter()
            .filter(|mark| matches!(mark.shape, Shape::Line(_)))
            .collect();
        assert!((at(lines[1], 0.5) - 0.5f64.ln()).abs() < 1e-12);
        assert!((at(lines[2], 0.9) - (0.5f64.ln() - 0.8)).abs() < 1e-12);
        assert!((at(lines[4], 0.3) + 0.3).abs() < 1e-12);
    }

    #[test]
    fn a_loss_that_is_no_curve_is_named_and_not_drawn() {
        let losses = ["ce", "mse(sigmoid)"].map(|spec| spec.parse::<Loss>().unwrap());
        let both = figure(&losses).unwrap();
        assert_eq!((both.legend.len(), both.panels[0].marks.len()), (1, 1));
        assert!(both.caption.ends_with(&format!("not drawn: {}.", losses[1])), "{}", both.caption);
        assert!(figure(&losses[1..]).is_none());
    }

    #[test]
    fn the_sum_crosses_zero_at_one_half() {
        let sum = &figure2().panels[2].marks[1];
        assert!(at(sum, 0.5).abs() < 1e-12 && at(sum, 0.25) > 0.0 && at(sum, 0.75) < 0.0);
    }
}
