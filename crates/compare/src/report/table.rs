//! The comparison table as numbers: what is said, before how it is written.
//!
//! A cell is the mean ± sample standard deviation (ddof = 1) over seeds. Losses after the first
//! also have the mean of the paired differences to the first loss, seed by seed, with the 95 %
//! interval of a paired t over seeds, corrected where their test parts overlap. A cell is marked only
//! where that interval excludes 0.

pub use super::column::{Cell, Column, Difference, Mark};
use super::epochs::{Epochs, older_rule};
use super::headline;
use super::majority::{Majority, only_class};
use super::metric::column;
use super::own_metric::own_metrics;
use super::ruling::Ruling;
use super::same;
use super::significance;
use super::swept::SweepTable;
use crate::measure::words::plural;
use crate::measure::{Card, Overlap};
use crate::tune::TuningResult;
use crate::{Comparison, Group, Signature};

/// The whole table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Row labels: the losses' specs, with what is swept.
    pub losses: Vec<String>,
    /// The seeds, in the order of each cell's values.
    pub seeds: Vec<u64>,
    /// The metrics that at least one run has; the first is the headline.
    pub columns: Vec<Column>,
    /// Those that only the page and the files for programs show.
    pub more: Vec<Column>,
    /// What it says of the headline, in words; `None` where there is nothing to compare.
    pub ruling: Option<Ruling>,
    /// The headline against what was swept, if anything was.
    pub swept: Option<SweepTable>,
    /// What always naming the most frequent class is worth, where that is known.
    pub majority: Option<Majority>,
    /// What the test parts of different seeds have in common.
    pub overlap: Overlap,
    /// Which epochs were measured, where that is known.
    pub epochs: Option<Epochs>,
    /// What is to be known before the numbers are believed, a sentence each.
    pub warnings: Vec<String>,
    /// What made it, in one line.
    pub signature: String,
}

impl Table {
    /// Computes the table.
    pub fn new(comparison: &Comparison) -> Self {
        let majority = Majority::new(comparison);
        let (table, more) = headline::order(
            comparison.primary.as_deref(),
            majority.as_ref(),
            &own_metrics(comparison),
        );
        let columns = columns(comparison, &table);
        let epochs = Epochs::new(comparison);
        let losses: Vec<String> =
            comparison.groups.iter().map(|group| group.setting.to_string()).collect();
        Self {
            ruling: Ruling::new(comparison, &losses, &columns),
            losses,
            seeds: comparison.signature.seeds.clone(),
            more: self::columns(comparison, &more),
            swept: columns.first().and_then(|first| SweepTable::new(comparison, first.metric)),
            warnings: warnings(comparison, &columns, epochs.as_ref()),
            columns,
            majority,
            overlap: overlap(comparison),
            epochs,
            signature: signature_line(&comparison.signature),
        }
    }

    /// The majority class where it has a row: of uneven classes.
    pub fn baseline(&self) -> Option<&Majority> {
        self.majority.as_ref().filter(|majority| majority.uneven)
    }
}

/// What the intervals take the test parts to share: nothing where that is not known.
fn overlap(comparison: &Comparison) -> Overlap {
    comparison.overlap().unwrap_or_default()
}

/// The columns of `metrics` that have a value.
fn columns(comparison: &Comparison, metrics: &[&'static Card]) -> Vec<Column> {
    let columns = metrics.iter().map(|&metric| {
        let (title, values) = column(metric, comparison);
        let mut cells: Vec<Cell> = values
            .iter()
            .enumerate()
            .map(|(row, own)| {
                let against = (row > 0).then(|| values[0].as_slice());
                Cell::new(own, against, metric.direction, overlap(comparison))
            })
            .collect();
        for (row, cell) in cells.iter_mut().enumerate() {
            if let Some(difference) = &mut cell.difference {
                difference.ask_examples(comparison, row, metric);
            }
        }
        let differences = cells.iter_mut().filter_map(|cell| cell.difference.as_mut());
        significance::correct(differences.filter_map(|of| of.significance.as_mut()));
        Column { metric, title, cells }
    });
    columns.filter(|column| column.cells.iter().any(|c| c.n > 0)).collect()
}

/// What is to be known before the numbers are believed.
fn warnings(comparison: &Comparison, columns: &[Column], epochs: Option<&Epochs>) -> Vec<String> {
    let asked = comparison.primary.as_deref();
    let missing = asked.filter(|asked| columns.first().is_none_or(|c| c.metric.key != *asked));
    let missing =
        missing.map(|asked| format!("no run has the metric {asked}, which was to come first"));
    let one_class = comparison.groups.iter().flat_map(|group| one_class(comparison, group));
    let early = epochs.and_then(|epochs| epochs.warning(comparison.select));
    let several = comparison.signature.seeds.len() > 1 && comparison.groups.len() > 1;
    let unknown = (several && comparison.overlap().is_none()).then(|| {
        "the runs do not say whether each seed drew its test part anew: the intervals take it for the \
         same"
            .to_owned()
    });
    let older = older_rule(comparison).into_iter().chain(unknown);
    let same = same::warnings(comparison);
    let tuned = comparison.tuned.iter().flat_map(TuningResult::warnings);
    missing
        .into_iter()
        .chain(tuned)
        .chain(same)
        .chain(one_class)
        .chain(early)
        .chain(older)
        .collect()
}

/// "ce predicts nothing but "no", with the seeds 0 3", a sentence for each class that is all that some
/// runs predict.
fn one_class(comparison: &Comparison, group: &Group) -> Vec<String> {
    let mut of_class: std::collections::BTreeMap<usize, Vec<String>> = Default::default();
    for run in &group.runs {
        if let Some(class) = only_class(run) {
            of_class.entry(class).or_default().push(run.seed.to_string());
        }
    }
    let sentence = |(class, seeds): (usize, Vec<String>)| {
        let name = comparison.classes.get(class).map_or("?", String::as_str);
        let (word, seeds) = (plural(seeds.len(), "seed"), seeds.join(" "));
        let setting = &group.setting;
        format!("{setting} predicts nothing but the class \"{name}\", with the {word} {seeds}")
    };
    of_class.into_iter().map(sentence).collect()
}

/// "recipe 0123456789ab; seeds 1 2 3; …": the line under every table.
///
/// Without commas of its own, so that it stands in a CSV file as one bare cell.
fn signature_line(signature: &Signature) -> String {
    let seeds: Vec<String> = signature.seeds.iter().map(u64::to_string).collect();
    format!(
        "recipe {}; seeds {}; weights: {}; {}; steepness {}",
        signature.recipe,
        seeds.join(" "),
        signature.selection,
        signature.libraries.join(" + "),
        signature.version,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn accuracies(values: &[&[f64]]) -> Comparison {
        let losses = ["ce", "el(le=1)", "el(le=0.5)"];
        let mut comparison = sample::comparison(&losses[..values.len()], values[0].len());
        for (group, values) in comparison.groups.iter_mut().zip(values) {
            for (run, value) in group.runs.iter_mut().zip(*values) {
                run.measures.accuracy = *value;
            }
        }
        comparison
    }

    /* python:
    import numpy as np; from scipy import stats
    a = np.array([97.0, 98.0, 98.5]); b = np.array([98.0, 98.5, 99.8]); d = b - a
    a.mean(), a.std(ddof=1), d.mean()     # 97.83333333333333 0.763762615825973 0.9333333333333328
    stats.t.interval(0.95, 2, d.mean(), stats.sem(d))  # (-0.07060..., 1.93726...)
    */
    #[test]
    fn numbers_equal_the_ones_worked_out_by_hand() {
        let comparison = accuracies(&[&[0.97, 0.98, 0.985], &[0.98, 0.985, 0.998]]);
        let table = Table::new(&comparison);
        let [first, second] = &table.columns[0].cells[..] else { panic!("two losses") };
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        close(first.mean.unwrap(), 97.833_333_333_333_33);
        close(first.std.unwrap(), 0.763_762_615_825_973);
        assert_eq!(first.difference, None);
        let difference = second.difference.as_ref().unwrap();
        close(difference.mean, 0.933_333_333_333_333);
        // t(0.975, 2) = 4.302652729911275; the differences' standard error is 0.233333…
        let half = 4.302_652_729_911_275 * (0.49_f64 / 3.0).sqrt() / 3.0_f64.sqrt();
        let (low, high) = difference.interval.unwrap();
        close(low, difference.mean - half);
        close(high, difference.mean + half);
        assert_eq!((difference.n, difference.mark), (3, None));
    }

    #[test]
    fn marks_follow_the_direction_and_only_where_zero_is_excluded() {
        let mut comparison =
            accuracies(&[&[0.90, 0.91, 0.92], &[0.95, 0.961, 0.97], &[0.80, 0.811, 0.82]]);
        for (group, shift) in comparison.groups.iter_mut().zip([0.0, 1.0, -1.0]) {
            for (run, wiggle) in group.runs.iter_mut().zip([0.0, 0.01, 0.02]) {
                run.measures.nll = 2.0 + shift + wiggle * shift;
                run.measures.margin.mean = 2.0 + shift + wiggle * shift;
                run.measures.ece = 0.05 + wiggle * (1.0 - shift.abs());
            }
        }
        let table = Table::new(&comparison);
        let marks = |column: usize| {
            let cells = &table.columns[column].cells[1..];
            cells.iter().map(|c| c.difference.as_ref().unwrap().mark).collect::<Vec<_>>()
        };
        assert_eq!(marks(0), [Some(Mark::Better), Some(Mark::Worse)]);
        assert_eq!(marks(1), [Some(Mark::Worse), Some(Mark::Better)]);
        assert_eq!(marks(2), [None, None]);
        assert_eq!(marks(3), [Some(Mark::Differs), Some(Mark::Differs)]);
    }

    #[test]
    fn one_seed_gives_a_difference_without_judgement() {
        let table = Table::new(&accuracies(&[&[0.9], &[0.95]]));
        let cell = &table.columns[0].cells[1];
        assert_eq!((cell.n, cell.std), (1, None));
        let difference = cell.difference.as_ref().unwrap();
        assert_eq!((difference.interval, difference.mark), (None, None));
    }

    #[test]
    fn what_no_run_has_is_no_column_and_what_some_lack_is_counted() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        comparison.groups[1].runs[0].measures.ood.clear();
        for run in comparison.groups.iter_mut().flat_map(|group| &mut group.runs) {
            run.measures.robustness.clear();
        }
        let table = Table::new(&comparison);
        let keys: Vec<_> = table.columns.iter().map(|column| column.metric.key).collect();
        assert!(keys.contains(&"ood_auroc") && !keys.contains(&"fgsm_accuracy"), "{keys:?}");
        let auroc = &table.columns[keys.iter().position(|key| *key == "ood_auroc").unwrap()];
        assert_eq!((auroc.cells[0].n, auroc.cells[1].n), (3, 2));
        assert_eq!(auroc.cells[1].difference.as_ref().unwrap().n, 2);
    }

    #[test]
    fn an_infinite_value_is_kept_but_never_compared() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        comparison.groups[1].runs[0].measures.margin.mean = f64::NEG_INFINITY;
        let cell = &Table::new(&comparison).columns[3].cells[1];
        assert_eq!(cell.mean, Some(f64::NEG_INFINITY));
        assert_eq!(cell.std, None);
        assert_eq!(cell.difference.as_ref().unwrap().n, 1);
    }
}
