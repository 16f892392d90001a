//! [`TrainMeasures`]: examples that were learned from, measured as the test part is.

use super::{Logit, Logits, Spread, accuracy, label_energy, margins};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};
use serde::{Deserialize, Serialize};

pub(crate) const ACCURACY: Card = Card {
    key: "train_accuracy",
    title: "training accuracy",
    unit: "%",
    direction: Direction::Undefined,
    decimals: 2,
    meaning: "accuracy on training examples without augmentation",
    range: Range::Share,
    source: Source::Field("train.accuracy", |m| Some(m.train.as_ref()?.accuracy)),
};

pub(crate) const MARGIN: Card = Card {
    key: "train_margin",
    title: "training margin",
    unit: "",
    direction: Direction::Undefined,
    decimals: 2,
    meaning: "mean margin of training examples without augmentation",
    range: Range::Any,
    source: Source::Field("train.margin.mean", |m| Some(m.train.as_ref()?.margin.mean)),
};

/// The measures of training examples, as they are without augmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainMeasures {
    /// Examples measured.
    pub examples: usize,
    /// Share of them whose largest logit is the label's.
    pub accuracy: f64,
    /// z_y − max_{k≠y} z_k.
    pub margin: Spread,
    /// Mean conditional energy of the label, −z_y.
    pub energy_mean: f64,
}

impl TrainMeasures {
    /// Measures training examples.
    ///
    /// `labels`: one class a row.
    ///
    /// # Errors
    /// A single class; labels that do not fit the logits.
    pub fn new<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Self> {
        Ok(Self {
            examples: logits.rows(),
            accuracy: accuracy(logits, labels)?,
            margin: Spread::new(&margins(logits, labels)?)?,
            energy_mean: label_energy(logits, labels)?,
        })
    }
}
