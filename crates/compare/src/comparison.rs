//! [`Comparison`]: what a report is made of, read back from the run directories.

use super::{
    Better, EpochMetrics, ExampleDifferences, Plan, Select, Setting, Sweep, best_epoch,
    earliest_best_epoch,
};
use crate::measure::{FeatureMap, Measures, Overlap};
use crate::tune::{TuningResult, in_words};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Several losses on the same data and seeds.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The recipe's name.
    pub name: String,
    /// One sentence on the data and its split, for the page.
    pub data: String,
    /// Names of the classes, in the order of the logits.
    pub classes: Vec<String>,
    /// Which weights were measured.
    pub select: Select,
    /// The key of the metric that is to come first, where one was asked for.
    pub primary: Option<String>,
    /// What was varied, if anything was.
    pub sweep: Option<Sweep>,
    /// Which way is better, of the metrics that the user declared.
    pub directions: BTreeMap<String, Better>,
    /// One group a setting, in the order asked for; the first is what the others are compared with.
    pub groups: Vec<Group>,
    /// What single test examples say of the differences.
    pub examples: ExampleDifferences,
    /// What difference in the first metric is worth having, in its unit, if anybody said.
    pub worth: Option<f64>,
    /// What was tried for each loss, where something was tuned: the groups then have each its own best.
    pub tuned: Option<TuningResult>,
    /// The same losses seen otherwise: a comparison each, which nothing here is mixed with.
    pub panels: Vec<Panel>,
    /// What made it.
    pub signature: Signature,
}

/// The same losses seen otherwise, such as where all have one learning rate.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Its name in those of files.
    pub key: String,
    /// What it is, after "At" or "On".
    pub title: String,
    /// What was found.
    pub comparison: Comparison,
}

impl Comparison {
    /// What the test parts of different seeds have in common: most of what any run says, which is the
    /// careful choice where runs of several comparisons stand side by side. `None` where one does not
    /// say it, as older ones do not.
    pub fn overlap(&self) -> Option<Overlap> {
        let runs = self.groups.iter().flat_map(|group| &group.runs);
        let all: Vec<Overlap> = runs.map(|run| run.measures.overlap).collect::<Option<_>>()?;
        all.into_iter().max_by(|a, b| a.ratio().total_cmp(&b.ratio()))
    }

    /// This, in which each loss has what it took of the trials `tuned`, beside what was found with what all
    /// have in common.
    #[must_use]
    pub(super) fn tuned_with(mut self, tuned: TuningResult, shared: Comparison) -> Self {
        let title = format!("At the shared setting, {}", in_words(&tuned.shared));
        self.tuned = Some(tuned);
        let mut shared = shared;
        let of_shared = std::mem::take(&mut shared.panels).into_iter().map(|panel| Panel {
            key: format!("shared-{}", panel.key),
            title: format!("{title}: {}", panel.title.replacen("On", "on", 1)),
            ..panel
        });
        let of_shared: Vec<Panel> = of_shared.collect();
        self.panels.push(Panel { key: "shared".to_owned(), title, comparison: shared });
        self.panels.extend(of_shared);
        self
    }

    /// That of `plan`, made with these `libraries`, with one sentence on its data and the names of the
    /// classes.
    pub(super) fn of(
        plan: &Plan,
        libraries: Vec<String>,
        data: String,
        classes: Vec<String>,
        groups: Vec<Group>,
    ) -> Self {
        Self {
            name: plan.name.clone(),
            data,
            classes,
            select: plan.select,
            primary: plan.primary.clone(),
            sweep: plan.sweep.clone(),
            directions: plan.directions.clone(),
            groups,
            examples: ExampleDifferences::NotAsked,
            worth: plan.worth,
            tuned: None,
            panels: Vec::new(),
            signature: Signature {
                recipe: plan.hash(),
                seeds: plan.seeds.clone(),
                selection: plan.selection().to_owned(),
                libraries,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        }
    }
}

/// The runs of one setting: a loss, and what is swept with it.
#[derive(Clone, Debug)]
pub struct Group {
    /// The setting.
    pub setting: Setting,
    /// One run a seed; every group has the same seeds in the same order.
    pub runs: Vec<Run>,
}

/// One finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// What was logged, epoch by epoch.
    pub epochs: Vec<EpochMetrics>,
    /// What was measured on the held-out test part with the selected weights; nothing
    /// ([`Run::has_predictions`]) where a command leaves metrics of its own and no predictions.
    pub measures: Measures,
    /// What was measured on further test sets, by their names.
    pub tests: BTreeMap<String, Measures>,
    /// What a command says of itself, by names that only its user knows.
    pub own: BTreeMap<String, f64>,
    /// What a command logged, epoch by epoch, by names of its own.
    pub own_epochs: Vec<BTreeMap<String, f64>>,
    /// Maps of the features of test examples; not in older runs, nor of a few examples.
    pub map: Option<FeatureMap>,
}

impl Run {
    /// One of which nothing is known but its seed.
    pub(super) fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            epochs: Vec::new(),
            measures: Measures::default(),
            tests: BTreeMap::new(),
            own: BTreeMap::new(),
            own_epochs: Vec::new(),
            map: None,
        }
    }

    /// Whether there is anything in [`Run::measures`].
    pub fn has_predictions(&self) -> bool {
        self.measures.examples > 0
    }

    /// The epoch whose weights were measured; `None` without any epoch.
    pub fn epoch(&self, select: Select) -> Option<usize> {
        self.measures.epoch.or_else(|| match select {
            Select::Last => self.epochs.last().map(|last| last.epoch),
            // Records that do not say it are older than the rule for ties.
            Select::Best | Select::Test => earliest_best_epoch(&self.epochs),
        })
    }

    /// The epoch that would be measured today, where an older version took another one: the earliest
    /// of equally accurate ones.
    pub fn epoch_today(&self, select: Select) -> Option<usize> {
        let today = best_epoch(&self.epochs);
        let older = self.measures.epoch.is_none() && select != Select::Last;
        today.filter(|today| older && self.epoch(select) != Some(*today))
    }
}

/// What made a result: printed under every table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// First 12 hex digits of the SHA-256 of the resolved recipe.
    pub recipe: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Which weights were measured: "best validation accuracy" or "last epoch".
    pub selection: String,
    /// "tch 0.24.0", "libtorch 2.11.0".
    pub libraries: Vec<String>,
    /// Version of Steepness.
    pub version: String,
}
