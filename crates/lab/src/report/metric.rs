//! The columns of every comparison table: one list, one line a metric.
//!
//! A new column is a new entry of [`METRICS`]; the renderings, the page's legend and the summary
//! follow it.

use crate::experiment::Comparison;
use crate::measure::{Measures, Ood, RobustnessCurve};

/// The budget that robust accuracy is quoted at, in pixel units: inside the paper's range of 0 to
/// 0.3 (Fig. 7) and where neither the floor nor the ceiling hides a difference. A grid without it
/// is quoted at its nearest non-zero point, and the title says which.
const EPSILON: f64 = 0.1;

/// Whether more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// Neither: the value describes, it does not rank.
    Undefined,
}

impl Direction {
    /// The arrow of a column's title, empty where "better" is not defined.
    pub fn arrow(self) -> &'static str {
        match self {
            Direction::Higher => "↑",
            Direction::Lower => "↓",
            Direction::Undefined => "",
        }
    }

    /// The word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Higher => "higher",
            Direction::Lower => "lower",
            Direction::Undefined => "",
        }
    }
}

/// Where a metric's value comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A field of the measures.
    Field(fn(&Measures) -> Option<f64>),
    /// Accuracy under this attack at the quoted budget.
    Attack(&'static str),
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name for machines.
    pub key: &'static str,
    title: &'static str,
    /// "%" for fractions shown as percentages, else empty.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// Digits after the point.
    pub decimals: usize,
    /// What it is, in one sentence.
    pub meaning: &'static str,
    source: Source,
}

/// The columns, in their order.
pub const METRICS: [Metric; 11] = [
    Metric {
        key: "accuracy",
        title: "accuracy",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "share of test examples whose largest logit is the label's",
        source: Source::Field(|m| Some(100.0 * m.accuracy)),
    },
    Metric {
        key: "nll",
        title: "NLL",
        unit: "",
        direction: Direction::Lower,
        decimals: 3,
        meaning: "mean −log p of the label, in nats, before any temperature scaling",
        source: Source::Field(|m| Some(m.nll)),
    },
    Metric {
        key: "ece",
        title: "ECE",
        unit: "%",
        direction: Direction::Lower,
        decimals: 2,
        meaning: "expected calibration error, 15 equal-width bins of confidence",
        source: Source::Field(|m| Some(100.0 * m.ece)),
    },
    Metric {
        key: "margin",
        title: "margin",
        unit: "",
        direction: Direction::Undefined,
        decimals: 2,
        meaning: "mean of the label's logit minus the largest other logit",
        source: Source::Field(|m| Some(m.margin.mean)),
    },
    Metric {
        key: "label_energy",
        title: "label energy",
        unit: "",
        direction: Direction::Undefined,
        decimals: 2,
        meaning: "mean conditional energy of the label, −z of its logit",
        source: Source::Field(|m| Some(m.energy_mean)),
    },
    Metric {
        key: "ood_auroc",
        title: "OOD AUROC",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "area under the ROC curve of telling test examples from another data set by \
                  their largest logit; in-distribution is the positive class",
        source: Source::Field(|m| ood(m).map(|o| 100.0 * o.energy.auroc)),
    },
    Metric {
        key: "ood_fpr95",
        title: "OOD FPR95",
        unit: "%",
        direction: Direction::Lower,
        decimals: 2,
        meaning: "share of the other data set let through by the same score when at least 95 % of \
                  the test examples are kept",
        source: Source::Field(|m| ood(m).map(|o| 100.0 * o.energy.fpr95)),
    },
    Metric {
        key: "fgsm_accuracy",
        title: "FGSM",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "accuracy under the fast gradient sign attack at this ε, in pixel units",
        source: Source::Attack("fgsm"),
    },
    Metric {
        key: "pgd_linf_accuracy",
        title: "PGD-L∞",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "accuracy under projected gradient descent in the L∞ ball of radius ε, in pixel \
                  units",
        source: Source::Attack("pgd-linf"),
    },
    Metric {
        key: "first_stage_accuracy",
        title: "first stage",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "accuracy before the classifier was trained anew on frozen features (cRT)",
        source: Source::Field(|m| m.first_stage_accuracy.map(|accuracy| 100.0 * accuracy)),
    },
    Metric {
        key: "probe_accuracy",
        title: "probe",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "accuracy of a linear classifier that cross entropy made of the frozen features: \
                  what the representation is worth",
        source: Source::Field(|m| m.probe_accuracy.map(|accuracy| 100.0 * accuracy)),
    },
];

impl Metric {
    /// The title and, loss by loss and seed by seed, the values; `None` where a run lacks one.
    pub fn column(&self, comparison: &Comparison) -> (String, Vec<Vec<Option<f64>>>) {
        let epsilon = match self.source {
            Source::Field(_) => None,
            Source::Attack(attack) => quoted_epsilon(comparison, attack),
        };
        let value = |measures: &Measures| match self.source {
            Source::Field(field) => field(measures),
            Source::Attack(name) => {
                let points = &attack(measures, name)?.points;
                let at = points.iter().find(|(e, _)| Some(*e) == epsilon)?;
                Some(100.0 * at.1)
            }
        };
        let values = comparison
            .groups
            .iter()
            .map(|group| group.runs.iter().map(|run| value(&run.measures)).collect())
            .collect();
        let title = match epsilon {
            Some(epsilon) => format!("{} ε={epsilon}", self.title),
            None => self.title.to_owned(),
        };
        (title, values)
    }
}

fn ood(measures: &Measures) -> Option<&Ood> {
    measures.ood.as_ref()
}

fn attack<'a>(measures: &'a Measures, name: &str) -> Option<&'a RobustnessCurve> {
    measures.robustness.iter().find(|curve| curve.attack == name)
}

/// The grid point nearest to [`EPSILON`], ε = 0 left out; the smaller of two equally near.
fn quoted_epsilon(comparison: &Comparison, name: &str) -> Option<f64> {
    let mut runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let curve = runs.find_map(|run| attack(&run.measures, name))?;
    let budgets = curve.points.iter().map(|point| point.0).filter(|epsilon| *epsilon > 0.0);
    budgets.min_by(|a, b| (a - EPSILON).abs().total_cmp(&(b - EPSILON).abs()).then(a.total_cmp(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn keys_are_unique() {
        let mut keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), METRICS.len());
    }

    #[test]
    fn fractions_become_percentages_and_plain_values_stay() {
        let mut comparison = sample::comparison(&["ce"], 1);
        let measures = &mut comparison.groups[0].runs[0].measures;
        measures.accuracy = 0.5;
        measures.nll = 0.25;
        assert_eq!(METRICS[0].column(&comparison).1, [[Some(50.0)]]);
        assert_eq!(METRICS[1].column(&comparison).1, [[Some(0.25)]]);
    }

    #[test]
    fn robust_accuracy_is_quoted_at_the_grid_point_that_the_title_names() {
        let mut comparison = sample::comparison(&["ce"], 1);
        for (grid, title, value) in [
            (vec![(0.0, 0.9), (0.05, 0.8), (0.1, 0.7)], "FGSM ε=0.1", Some(70.0)),
            (vec![(0.0, 0.9), (0.25, 0.5)], "FGSM ε=0.25", Some(50.0)),
            (vec![(0.0, 0.9)], "FGSM", None),
        ] {
            comparison.groups[0].runs[0].measures.robustness[0].points = grid;
            let (found, values) = METRICS[7].column(&comparison);
            assert_eq!(found, title);
            assert_eq!(values, [[value]]);
        }
    }

    #[test]
    fn a_run_without_the_measurement_has_no_value() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.ood = None;
        comparison.groups[0].runs[0].measures.robustness.clear();
        for metric in &METRICS[5..] {
            assert_eq!(metric.column(&comparison).1, [[None]], "{}", metric.key);
        }
    }
}
