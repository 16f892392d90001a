//! The columns of every comparison table: one list, one line a metric.
//!
//! A new column is a new entry of [`METRICS`]; the renderings, the page's legend and the summary
//! follow it.

use super::majority::Majority;
use crate::measure::{
    Calibration, Groups, Measures, Ood, Recalibrated, Representation, RobustnessCurve, energy_gaps,
    mean,
};
use crate::{Comparison, Run};

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
    /// Average precision of the rarer one of two classes.
    RareClass,
    /// The epoch whose weights were measured.
    Epoch,
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
pub const METRICS: [Metric; 15] = [
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
        key: "bleu",
        title: "BLEU",
        unit: "",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "BLEU of the translations of the test sentences as sacreBLEU computes it (13a)",
        source: Source::Field(|m| Some(m.translation.as_ref()?.bleu)),
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
    Metric {
        key: "many",
        title: "many-shot",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "mean accuracy of the classes with more than 100 training examples",
        source: Source::Field(|m| share(groups(m)?.many)),
    },
    Metric {
        key: "medium",
        title: "medium-shot",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "mean accuracy of the classes with 20 to 100 training examples",
        source: Source::Field(|m| share(groups(m)?.medium)),
    },
    Metric {
        key: "few",
        title: "few-shot",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "mean accuracy of the classes with fewer than 20 training examples",
        source: Source::Field(|m| share(groups(m)?.few)),
    },
];

/// What only the page and the files for programs show.
pub const MORE: [Metric; 24] = [
    Metric {
        key: "balanced_accuracy",
        title: "balanced accuracy",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "mean accuracy of the classes",
        source: Source::Field(|m| share(Some(m.balance?.balanced_accuracy))),
    },
    Metric {
        key: "macro_f1",
        title: "macro F1",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "mean F1 score of the classes",
        source: Source::Field(|m| share(Some(m.balance?.macro_f1))),
    },
    Metric {
        key: "auroc",
        title: "AUROC",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "of two classes: area under the ROC curve of telling one from the other by the \
                  difference of their logits",
        source: Source::Field(|m| share(Some(m.binary?.auroc))),
    },
    Metric {
        key: "average_precision",
        title: "average precision",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "of two classes: average precision of finding the rarer one by the difference of \
                  the logits; a guess has that class's share",
        source: Source::RareClass,
    },
    Metric {
        key: "brier",
        title: "Brier",
        unit: "",
        direction: Direction::Lower,
        decimals: 4,
        meaning: "mean squared distance of the probabilities from what happened, 0 to 2",
        source: Source::Field(|m| Some(calibration(m)?.brier)),
    },
    Metric {
        key: "ece_equal_mass",
        title: "ECE, equal mass",
        unit: "%",
        direction: Direction::Lower,
        decimals: 2,
        meaning: "expected calibration error, 15 bins of equally many examples",
        source: Source::Field(|m| share(Some(calibration(m)?.ece_equal_mass))),
    },
    Metric {
        key: "mce",
        title: "MCE",
        unit: "%",
        direction: Direction::Lower,
        decimals: 2,
        meaning: "largest calibration error of 15 equal-width bins",
        source: Source::Field(|m| share(Some(calibration(m)?.mce))),
    },
    Metric {
        key: "ece_classwise",
        title: "classwise ECE",
        unit: "%",
        direction: Direction::Lower,
        decimals: 2,
        meaning: "mean over the classes of the calibration error of each one's probability",
        source: Source::Field(|m| share(Some(calibration(m)?.ece_classwise))),
    },
    Metric {
        key: "temperature",
        title: "temperature",
        unit: "",
        direction: Direction::Undefined,
        decimals: 3,
        meaning: "what all logits are divided by to make the validation part most likely; above 1 the classifier was too sure",
        source: Source::Field(|m| Some(recalibrated(m)?.temperature)),
    },
    Metric {
        key: "nll_scaled",
        title: "NLL, scaled",
        unit: "",
        direction: Direction::Lower,
        decimals: 3,
        meaning: "mean −log p of the label after temperature scaling",
        source: Source::Field(|m| Some(recalibrated(m)?.calibration.nll)),
    },
    Metric {
        key: "brier_scaled",
        title: "Brier, scaled",
        unit: "",
        direction: Direction::Lower,
        decimals: 4,
        meaning: "Brier score after temperature scaling",
        source: Source::Field(|m| Some(recalibrated(m)?.calibration.brier)),
    },
    Metric {
        key: "ece_scaled",
        title: "ECE, scaled",
        unit: "%",
        direction: Direction::Lower,
        decimals: 2,
        meaning: "expected calibration error after temperature scaling",
        source: Source::Field(|m| share(Some(recalibrated(m)?.calibration.ece))),
    },
    Metric {
        key: "margin_lse",
        title: "soft margin",
        unit: "",
        direction: Direction::Undefined,
        decimals: 2,
        meaning: "mean of the label's logit minus log Σ exp of the others: the log-odds of the label",
        source: Source::Field(|m| m.margin_lse_mean),
    },
    Metric {
        key: "margin_legacy",
        title: "legacy margin",
        unit: "",
        direction: Direction::Undefined,
        decimals: 2,
        meaning: "mean margin as the authors measured it, where the largest other logit is at least 0",
        source: Source::Field(|m| m.margin_legacy_mean),
    },
    Metric {
        key: "energy_gap",
        title: "energy gap",
        unit: "",
        direction: Direction::Undefined,
        decimals: 2,
        meaning: "mean over the classes of the step from a class's own mean energy to the next",
        source: Source::Field(energy_gap),
    },
    Metric {
        key: "train_accuracy",
        title: "training accuracy",
        unit: "%",
        direction: Direction::Undefined,
        decimals: 2,
        meaning: "accuracy on training examples without augmentation",
        source: Source::Field(|m| share(Some(m.train.as_ref()?.accuracy))),
    },
    Metric {
        key: "train_margin",
        title: "training margin",
        unit: "",
        direction: Direction::Undefined,
        decimals: 2,
        meaning: "mean margin of training examples without augmentation",
        source: Source::Field(|m| Some(m.train.as_ref()?.margin.mean)),
    },
    Metric {
        key: "class_separation",
        title: "class separation",
        unit: "",
        direction: Direction::Undefined,
        decimals: 4,
        meaning: "R² of the features: 1 minus the mean cosine distance within classes over that of all (Kornblith et al.)",
        source: Source::Field(|m| representation(m)?.class_separation),
    },
    Metric {
        key: "knn_cosine",
        title: "k-NN, cosine",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "share of test examples whose nearest training examples by the features' angle mostly have their label",
        source: Source::Field(|m| share(Some(representation(m)?.knn_cosine))),
    },
    Metric {
        key: "knn_euclidean",
        title: "k-NN, Euclidean",
        unit: "%",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "the same by the features' distance",
        source: Source::Field(|m| share(Some(representation(m)?.knn_euclidean))),
    },
    Metric {
        key: "chrf",
        title: "chrF2",
        unit: "",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "chrF2 of the same translations: n-grams of characters",
        source: Source::Field(|m| Some(m.translation.as_ref()?.chrf)),
    },
    Metric {
        key: "bleu_of_words",
        title: "BLEU of words",
        unit: "",
        direction: Direction::Higher,
        decimals: 2,
        meaning: "BLEU of the words as they were learned, unsmoothed, as fairseq prints it and the paper reports it",
        source: Source::Field(|m| m.translation.as_ref()?.bleu_of_words),
    },
    Metric {
        key: "length_ratio",
        title: "length ratio",
        unit: "",
        direction: Direction::Undefined,
        decimals: 3,
        meaning: "words of the translations for each word of the references",
        source: Source::Field(|m| Some(m.translation.as_ref()?.length_ratio)),
    },
    Metric {
        key: "epoch",
        title: "epoch measured",
        unit: "",
        direction: Direction::Undefined,
        decimals: 1,
        meaning: "the epoch after which the weights are those that were measured",
        source: Source::Epoch,
    },
];

impl Metric {
    /// Whether it is accuracy under attack.
    pub fn is_of_attack(&self) -> bool {
        matches!(self.source, Source::Attack(_))
    }

    /// The title and, loss by loss and seed by seed, the values; `None` where a run lacks one.
    pub fn column(&self, comparison: &Comparison) -> (String, Vec<Vec<Option<f64>>>) {
        let epsilon = match self.source {
            Source::Attack(attack) => quoted_epsilon(comparison, attack),
            _ => None,
        };
        let rare = match self.source {
            Source::RareClass => Majority::new(comparison).and_then(|majority| majority.rare()),
            _ => None,
        };
        let value = |run: &Run| match self.source {
            Source::Field(field) => field(&run.measures),
            Source::RareClass => share(Some(run.measures.binary?.average_precision[rare?])),
            Source::Epoch => run.epoch(comparison.select).map(|epoch| epoch as f64),
            Source::Attack(name) => {
                let points = &attack(&run.measures, name)?.points;
                let at = points.iter().find(|(e, _)| Some(*e) == epsilon)?;
                Some(100.0 * at.1)
            }
        };
        let values =
            comparison.groups.iter().map(|group| group.runs.iter().map(value).collect()).collect();
        let title = match epsilon {
            Some(epsilon) => format!("{} ε={epsilon}", self.title),
            None => self.title.to_owned(),
        };
        (title, values)
    }
}

/// A fraction in per cent.
fn share(fraction: Option<f64>) -> Option<f64> {
    fraction.map(|fraction| 100.0 * fraction)
}

fn groups(measures: &Measures) -> Option<&Groups> {
    measures.groups.as_ref()
}

fn calibration(measures: &Measures) -> Option<&Calibration> {
    measures.calibration.as_ref()
}

fn recalibrated(measures: &Measures) -> Option<&Recalibrated> {
    measures.recalibrated.as_ref()
}

fn representation(measures: &Measures) -> Option<&Representation> {
    measures.representation.as_ref()
}

/// Mean over the classes that have one.
fn energy_gap(measures: &Measures) -> Option<f64> {
    let gaps: Vec<f64> = energy_gaps(&measures.energy_profile).into_iter().flatten().collect();
    mean(&gaps)
}

fn ood(measures: &Measures) -> Option<&Ood> {
    measures.ood.first()
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
        let mut keys: Vec<_> = METRICS.iter().chain(&MORE).map(|metric| metric.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), METRICS.len() + MORE.len());
    }

    #[test]
    fn fractions_become_percentages_and_plain_values_stay() {
        let mut comparison = sample::comparison(&["ce"], 1);
        let measures = &mut comparison.groups[0].runs[0].measures;
        measures.accuracy = 0.5;
        measures.nll = 0.25;
        assert_eq!(METRICS[0].column(&comparison).1, [[Some(50.0)]]);
        assert_eq!(METRICS[2].column(&comparison).1, [[Some(0.25)]]);
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
            let (found, values) = METRICS[8].column(&comparison);
            assert_eq!(found, title);
            assert_eq!(values, [[value]]);
        }
    }

    #[test]
    fn groups_of_classes_are_columns_only_where_they_were_measured() {
        let mut comparison = sample::comparison(&["ce"], 1);
        let column = |comparison: &Comparison, key| {
            let metric = METRICS.iter().find(|metric| metric.key == key).unwrap();
            metric.column(comparison).1[0][0]
        };
        assert_eq!(column(&comparison, "few"), None);
        let groups = Groups { many: Some(0.9), medium: None, few: Some(0.25) };
        comparison.groups[0].runs[0].measures.groups = Some(groups);
        assert_eq!((column(&comparison, "few"), column(&comparison, "medium")), (Some(25.0), None));
    }

    #[test]
    fn a_run_without_the_measurement_has_no_value() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.ood.clear();
        comparison.groups[0].runs[0].measures.robustness.clear();
        for metric in &METRICS[6..] {
            assert_eq!(metric.column(&comparison).1, [[None]], "{}", metric.key);
        }
    }
}
