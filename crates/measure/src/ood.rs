//! Out-of-distribution detection: does the classifier notice that an example is none of its own?
//!
//! Three scores of logits, the higher the more in-distribution; three of features are in
//! [`Mahalanobis`], [`Neighbours`] and [`Vim`]. Which class is the positive one matters for the
//! false positive rate and is said with every result; see [`Positive`].

mod detection;
mod mahalanobis;
mod neighbours;
mod vim;

pub use detection::{Detection, Positive};
pub use mahalanobis::Mahalanobis;
pub use neighbours::Neighbours;
pub use vim::Vim;

use super::{
    Histogram, Logit, Logits, Ood, OodScore,
    histogram::range,
    scale,
    softmax::{Odds, argmax, softplus},
};
use crate::card::{Card, Direction, Range, Source};
use crate::{Error, Result};
use std::collections::BTreeMap;

pub(crate) const AUROC: Card = Card {
    key: "ood_auroc",
    title: "OOD AUROC",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "area under the ROC curve of telling test examples from another data set by \
              their largest logit; in-distribution is the positive class",
    range: Range::Share,
    source: Source::Field("ood.0.energy.auroc", |m| Some(m.ood.first()?.energy.auroc)),
};

pub(crate) const FPR95: Card = Card {
    key: "ood_fpr95",
    title: "OOD FPR95",
    unit: "%",
    direction: Direction::Lower,
    decimals: 2,
    meaning: "share of the other data set let through by the same score when at least 95 % of \
              the test examples are kept",
    range: Range::Share,
    source: Source::Field("ood.0.energy.fpr95", |m| Some(m.ood.first()?.energy.fpr95)),
};

/// The three scores of some examples, one value an example.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// How many classes the classifier knows.
    pub classes: usize,
    /// max_k z_k, minus the minimum conditional energy: the paper's indicator, known elsewhere as
    /// the maximum logit score.
    pub energy: Vec<f64>,
    /// T·log Σ exp(z / T), minus the free energy; T is 1 unless said otherwise.
    pub free_energy: Vec<f64>,
    /// max_k p_k in f64. It rounds to 1, and examples tie, only where the rest of the softmax is
    /// below 1e-16; in f32 that would begin at 6e-8.
    pub msp: Vec<f64>,
}

impl Scores {
    /// Scores each row.
    pub fn new<T: Logit>(logits: Logits<T>) -> Self {
        let scores = logits.map(|row| {
            let prediction = argmax(row);
            let highest: f64 = row[prediction].into();
            let odds = Odds::new(row, prediction);
            (highest, highest + softplus(-odds.log_odds), odds.probability())
        });
        Self {
            classes: logits.classes(),
            energy: scores.iter().map(|score| score.0).collect(),
            free_energy: scores.iter().map(|score| score.1).collect(),
            msp: scores.iter().map(|score| score.2).collect(),
        }
    }

    /// The same with a free energy of another temperature (Liu et al. 2020, eq. 4). As T → 0 it
    /// becomes the conditional energy.
    ///
    /// # Errors
    /// A temperature that is not above 0 and finite.
    pub fn with_temperature<T: Logit>(logits: Logits<T>, temperature: f64) -> Result<Self> {
        let scaled = scale(logits, temperature)?;
        let cooled = Self::new(Logits::new(&scaled, logits.classes())?).free_energy;
        let free_energy = cooled.into_iter().map(|energy| temperature * energy).collect();
        Ok(Self { free_energy, ..Self::new(logits) })
    }
}

impl Ood {
    /// How well each score tells the examples `inside` from those of the data set named `data`.
    ///
    /// # Errors
    /// Scores of classifiers with different numbers of classes.
    pub fn new(data: &str, inside: &Scores, outside: &Scores) -> Result<Self> {
        if inside.classes != outside.classes {
            return Err(Error::Request(format!(
                "the logits of {data} have {} classes, those of the in-distribution examples {}",
                outside.classes, inside.classes
            )));
        }
        Ok(Self {
            data: data.into(),
            examples: outside.energy.len(),
            positive: "in-distribution".into(),
            energy: OodScore::new(&inside.energy, &outside.energy)?,
            free_energy: OodScore::new(&inside.free_energy, &outside.free_energy)?,
            msp: OodScore::new(&inside.msp, &outside.msp)?,
            distance: None,
            others: BTreeMap::new(),
        })
    }
}

impl Ood {
    /// Every score that there is, by its name.
    pub fn scores(&self) -> impl Iterator<Item = (&str, &OodScore)> {
        let logits =
            [("energy", &self.energy), ("free_energy", &self.free_energy), ("msp", &self.msp)];
        logits.into_iter().chain(self.others.iter().map(|(name, score)| (name.as_str(), score)))
    }
}

impl OodScore {
    /// Judges one score from its values on both sides.
    ///
    /// # Errors
    /// An empty side, or a NaN, named by its place.
    pub fn new(inside: &[f64], outside: &[f64]) -> Result<Self> {
        const BINS: usize = 30;
        let (low, high) = range(&[inside, outside].concat());
        let Detection { auroc, fpr95, aupr_in, aupr_out } =
            Detection::new(inside, outside, Positive::In)?;
        Ok(Self {
            auroc,
            fpr95,
            aupr_in: Some(aupr_in),
            aupr_out: Some(aupr_out),
            inside: Histogram::new(inside, low, high, BINS),
            outside: Histogram::new(outside, low, high, BINS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auroc;
    use crate::sample::{self, LOGITS};

    #[test]
    fn scores_agree_with_scipy() {
        // z.max(1); scipy.special.logsumexp(z, axis=1); scipy.special.softmax(z, axis=1).max(1)
        let scores = Scores::new(Logits::new(&LOGITS, 4).unwrap());
        let expected = [
            (2.0, 2.6309780572365025, 0.5320711503963734),
            (0.0, 1.3862943611198906, 0.25),
            (8.0, 8.00340154402695, 0.9966042346699128),
            (40.0, 40.0, 1.0),
            (-1.0, -0.5598103014388047, 0.6439142598879724),
            (3.75, 4.363980791566627, 0.5411922019697171),
        ];
        for (row, (energy, free, msp)) in expected.into_iter().enumerate() {
            assert_eq!(scores.energy[row], energy);
            assert!((scores.free_energy[row] - free).abs() < 1e-13, "row {row}");
            assert!((scores.msp[row] - msp).abs() < 1e-14, "row {row}");
        }
    }

    #[test]
    fn free_energy_takes_a_temperature() {
        // 2.5 * scipy.special.logsumexp(z / 2.5, axis=1)
        let logits = Logits::new(&LOGITS, 4).unwrap();
        let scores = Scores::with_temperature(logits, 2.5).unwrap();
        for (free, expected) in scores.free_energy.iter().zip(FREE_ENERGIES) {
            assert!((free - expected).abs() < 1e-12, "{free} is not {expected}");
        }
        assert_eq!(Scores::with_temperature(logits, 1.0).unwrap(), Scores::new(logits));
        let cold = Scores::with_temperature(logits, 1e-3).unwrap();
        for (free, energy) in cold.free_energy.iter().zip(&cold.energy) {
            assert!((free - energy).abs() < 2e-3);
        }
        assert!(Scores::with_temperature(logits, 0.0).is_err());
    }

    const FREE_ENERGIES: [f64; 6] = [
        4.454012943277931,
        3.4657359027997265,
        8.379237788096303,
        40.00000073911966,
        1.2102897958693257,
        5.963512784766407,
    ];

    #[test]
    fn confidence_beyond_f32_still_ranks() {
        let sure = Scores::new(Logits::new(&[25.0f32, 0.0], 2).unwrap());
        let surer = Scores::new(Logits::new(&[30.0f32, 0.0], 2).unwrap());
        assert_eq!((sure.msp[0] as f32, surer.msp[0] as f32), (1.0, 1.0));
        assert_eq!(auroc(&surer.msp, &sure.msp).unwrap(), 1.0);
    }

    #[test]
    fn both_histograms_share_their_range_and_hold_everything() {
        let (near, _) = sample::draw(1, 40, 5, 8.0);
        let (far, _) = sample::draw(2, 30, 5, 1.0);
        let [inside, outside] =
            [&near, &far].map(|values| Scores::new(Logits::new(values, 5).unwrap()));
        let ood = Ood::new("noise", &inside, &outside).unwrap();
        assert_eq!((ood.examples, ood.positive.as_str()), (30, "in-distribution"));
        for score in [&ood.energy, &ood.free_energy, &ood.msp] {
            assert_eq!(score.inside.counts.iter().sum::<u64>(), 40);
            assert_eq!(score.outside.counts.iter().sum::<u64>(), 30);
            assert_eq!(score.inside.low, score.outside.low);
            assert_eq!(score.inside.high, score.outside.high);
            assert!(score.auroc > 0.7, "{}", score.auroc);
        }
    }

    #[test]
    fn other_classes_are_refused() {
        let [two, three] = [2, 3].map(|n| Scores::new(Logits::new(&[0.0f32; 6], n).unwrap()));
        let complaint = Ood::new("clothes", &two, &three).unwrap_err().to_string();
        assert!(complaint.contains("3 classes") && complaint.contains('2'), "{complaint}");
    }
}
