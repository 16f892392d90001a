//! [`Column`]: one metric of the comparison table, with the differences to the first loss.

use super::significance::Significance;
use crate::Comparison;
use crate::measure::{
    Card, Direction, Estimate, Overlap, PairedDifference, differences, mean, std,
};

/// One metric over all losses.
#[derive(Clone, Debug)]
pub struct Column {
    /// What is measured.
    pub metric: &'static Card,
    /// Its title, with the budget where an attack has one.
    pub title: String,
    /// One cell a loss.
    pub cells: Vec<Cell>,
}

impl Column {
    /// Title, unit and arrow in one line.
    pub fn heading(&self) -> String {
        let parts = [self.title.as_str(), self.metric.unit, self.metric.direction.arrow()];
        parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
    }
}

/// One metric of one loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// One value a seed.
    pub values: Vec<Option<f64>>,
    /// How many seeds have one.
    pub n: usize,
    /// Their mean.
    pub mean: Option<f64>,
    /// Their sample standard deviation, for two or more.
    pub std: Option<f64>,
    /// Against the first loss; `None` in its own row and where no seed has both values.
    pub difference: Option<Difference>,
}

/// This loss minus the first loss, paired by seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// How many pairs.
    pub n: usize,
    /// Mean difference.
    pub mean: f64,
    /// 95 % interval of a paired t, for two or more pairs that do not all differ by the same amount.
    pub interval: Option<(f64, f64)>,
    /// Set only where the interval excludes 0.
    pub mark: Option<Mark>,
    /// What tests say of it, for two or more pairs.
    pub significance: Option<Significance>,
    /// The same mean with its error over seeds, where there is an interval.
    pub over_seeds: Option<Estimate>,
    /// The same with the test examples a sample, too, where they were asked: what other seeds and other
    /// examples would give.
    pub over_both: Option<Estimate>,
}

/// A difference whose 95 % interval excludes 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// In the good direction.
    Better,
    /// In the bad direction.
    Worse,
    /// In a metric that does not rank.
    Differs,
}

impl Mark {
    /// The sign shown to people.
    pub fn sign(self) -> &'static str {
        match self {
            Mark::Better => "✓",
            Mark::Worse => "✗",
            Mark::Differs => "●",
        }
    }

    /// The word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Better => "better",
            Mark::Worse => "worse",
            Mark::Differs => "differs",
        }
    }
}

impl Cell {
    pub(super) fn new(
        values: &[Option<f64>],
        first: Option<&[Option<f64>]>,
        direction: Direction,
        overlap: Overlap,
    ) -> Self {
        let present: Vec<f64> = values.iter().flatten().copied().collect();
        Self {
            values: values.to_vec(),
            n: present.len(),
            mean: mean(&present),
            std: std(&present).filter(|std| std.is_finite()),
            difference: first.and_then(|first| Difference::new(values, first, direction, overlap)),
        }
    }
}

impl Difference {
    pub(super) fn new(
        own: &[Option<f64>],
        first: &[Option<f64>],
        direction: Direction,
        overlap: Overlap,
    ) -> Option<Self> {
        let (first, own): (Vec<f64>, Vec<f64>) = first
            .iter()
            .zip(own)
            .filter_map(|(first, own)| first.zip(*own))
            .filter(|(first, own)| (own - first).is_finite())
            .unzip();
        let difference = PairedDifference::new(&first, &own, overlap).ok()?;
        let mark = difference.excludes_zero().then_some(match direction {
            Direction::Undefined => Mark::Differs,
            Direction::Higher if difference.mean > 0.0 => Mark::Better,
            Direction::Lower if difference.mean < 0.0 => Mark::Better,
            _ => Mark::Worse,
        });
        let PairedDifference { n, mean, interval, p } = difference;
        let significance = p.and_then(|p| Significance::new(&first, &own, p, overlap));
        let over_seeds = Estimate::of_seeds(&differences(&first, &own).ok()?, overlap);
        Some(Self { n, mean, interval, mark, significance, over_seeds, over_both: None })
    }

    /// Puts in what single test examples say of the difference of the setting in that `row`, if they say
    /// the same of its mean: a recorded metric may be another than what its name says of predictions.
    pub(super) fn ask_examples(&mut self, comparison: &Comparison, row: usize, metric: &Card) {
        let unit = metric.in_unit(1.0);
        let both = comparison.examples.of(row, metric.key).and_then(|both| both.estimate());
        let both = both.map(|both| both.times(unit));
        let same = |both: &Estimate| {
            both.seeds == self.n && (both.mean - self.mean).abs() <= 1e-6 * (unit + self.mean.abs())
        };
        self.over_both = both.filter(same).map(|both| Estimate { mean: self.mean, ..both });
    }

    /// What a verdict rests on: seeds and examples where these were asked, else the seeds.
    pub fn estimate(&self) -> Option<Estimate> {
        self.over_both.or(self.over_seeds)
    }
}
