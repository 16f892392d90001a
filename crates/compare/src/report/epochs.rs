//! Which epochs were measured: a sentence below every table, and a warning where these are the first
//! ones.

use crate::measure::median;
use crate::{Comparison, Select};

/// The epochs whose weights were measured, over all runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Epochs {
    /// The first and the last of them.
    pub range: (usize, usize),
    /// Their median.
    pub median: f64,
    /// The fewest and the most epochs that a run was trained for.
    pub of: (usize, usize),
    /// How many runs there are, and how many of them were measured in the first tenth of their
    /// training, where losses have hardly begun to differ.
    pub runs: usize,
    /// See `runs`.
    pub early: usize,
}

impl Epochs {
    /// Of all runs; `None` where one has no epoch.
    pub fn new(comparison: &Comparison) -> Option<Self> {
        let runs = comparison.groups.iter().flat_map(|group| &group.runs);
        let all: Vec<(usize, usize)> = runs
            .map(|run| Some((run.epoch(comparison.select)?, run.epochs.len())))
            .collect::<Option<_>>()?;
        let measured = all.iter().map(|(epoch, _)| *epoch);
        let trained = all.iter().map(|(_, of)| *of);
        Some(Self {
            range: (measured.clone().min()?, measured.clone().max()?),
            median: median(&measured.map(|epoch| epoch as f64).collect::<Vec<_>>())?,
            of: (trained.clone().min()?, trained.max()?),
            runs: all.len(),
            early: all.iter().filter(|(epoch, of)| 10 * epoch <= *of).count(),
        })
    }

    /// "Measured after epochs 4 to 30 of 30, median 17."
    pub fn sentence(&self) -> String {
        let range = |(low, high): (usize, usize)| match low == high {
            true => low.to_string(),
            false => format!("{low} to {high}"),
        };
        let (epochs, of) = (range(self.range), range(self.of));
        if self.range.0 == self.range.1 {
            return format!("Measured after epoch {epochs} of {of}.");
        }
        format!("Measured after epochs {epochs} of {of}, median {}.", self.median)
    }

    /// What there is to be warned of.
    pub fn warning(&self, select: Select) -> Option<String> {
        let Self { runs, early, .. } = self;
        let chosen = match select {
            Select::Last => return None,
            Select::Best => "validation",
            Select::Test => "test",
        };
        (*early > 0).then(|| {
            format!(
                "{early} of {runs} runs were measured in the first tenth of their training, chosen \
                 by {chosen} accuracy: differences may be those of epochs, not of losses; select = \
                 \"last\" measures the end"
            )
        })
    }
}

/// A warning where runs of an older version were measured after another epoch than they would be
/// today.
pub fn older_rule(comparison: &Comparison) -> Option<String> {
    let runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let (all, older) = runs.fold((0, 0), |(all, older), run| {
        (all + 1, older + usize::from(run.epoch_today(comparison.select).is_some()))
    });
    (older > 0).then(|| {
        format!(
            "{older} of {all} runs were measured by an older version, after the earliest of equally \
             accurate epochs; today it would be the one with the lowest validation NLL"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn measured(epochs: &[Option<usize>]) -> Comparison {
        let mut comparison = sample::comparison(&["ce"], epochs.len());
        for (run, epoch) in comparison.groups[0].runs.iter_mut().zip(epochs) {
            run.measures.epoch = *epoch;
            let like = run.epochs[0].clone();
            run.epochs =
                (1..=20).map(|epoch| crate::EpochMetrics { epoch, ..like.clone() }).collect();
        }
        comparison
    }

    #[test]
    fn the_range_the_median_and_early_epochs_are_told() {
        let mut comparison = measured(&[Some(2), Some(9), Some(20)]);
        let epochs = Epochs::new(&comparison).unwrap();
        assert_eq!(epochs.sentence(), "Measured after epochs 2 to 20 of 20, median 9.");
        assert_eq!((epochs.runs, epochs.early), (3, 1));
        let warning = epochs.warning(Select::Best).unwrap();
        assert!(warning.starts_with("1 of 3 runs were measured in the first tenth"), "{warning}");
        assert_eq!(epochs.warning(Select::Last), None);
        assert_eq!(Epochs::new(&measured(&[Some(3)])).unwrap().warning(Select::Best), None);
        comparison.groups[0].runs[0].epochs.clear();
        comparison.groups[0].runs[0].measures.epoch = None;
        assert_eq!(Epochs::new(&comparison), None);
    }

    #[test]
    fn older_records_have_the_earliest_of_equals() {
        // All epochs alike: the first one then, the last one today.
        let mut comparison = measured(&[None, Some(20)]);
        assert_eq!(Epochs::new(&comparison).unwrap().range, (1, 20));
        let warning = older_rule(&comparison).unwrap();
        assert!(warning.starts_with("1 of 2 runs were measured by an older version"), "{warning}");
        comparison.select = Select::Last;
        let epochs = Epochs::new(&comparison).unwrap();
        assert_eq!(epochs.sentence(), "Measured after epoch 20 of 20.");
        assert_eq!(older_rule(&comparison), None);
    }
}
