//! Measurements: arrays in, numbers out; one file each, pure functions.
//!
//! None of them needs a model or an engine, so they serve people who bring logits and features from elsewhere as
//! well as our own runs. [`Measures`] is the record of one run, the contents of `measure.json`;
//! [`Summary`] holds the single numbers of an evaluation of foreign arrays.
//!
//! A measurement introduces itself with a [`Card`] in its own file, listed in [`MAIN`] or [`MORE`]; its
//! function looks at the [`Evidence`].
//!
//! What has no defined result is refused with the place and the number: arrays that are empty or do
//! not fit each other, NaN, labels that are no class. What is merely extreme has one: all correct,
//! constant scores, ties, a class without examples (`None`), a single class (no margin, but an
//! accuracy). Each function says which.

mod accuracy;
mod aurc;
mod binary;
mod brier;
mod calibration;
mod card;
mod confusion;
pub mod durable;
mod each;
mod energy;
mod error;
mod groups;
mod histogram;
mod influence;
mod logits;
mod margin;
mod measures;
mod nll;
pub mod npy;
mod ood;
mod parallel;
pub mod plain;
pub mod random;
mod representation;
mod robustness;
mod roc;
mod softmax;
mod stats;
mod steepness;
mod stop;
mod student_t;
mod summary;
mod temperature;
mod threshold;
mod train_measures;
pub mod translation;
pub mod words;

#[cfg(test)]
mod sample;

pub use accuracy::{accuracy, correct};
pub use aurc::{aurc, excess_aurc};
pub use binary::Binary;
pub use brier::brier;
pub use calibration::{
    Calibration, ScaledCalibration, classwise_ece, ece, mce, reliability, reliability_equal_mass,
};
pub use card::{Card, Direction, Evidence, Function, Number, Range, Source};
pub use confusion::Confusion;
pub use each::{OF_EACH, each};
pub use energy::{energy_gaps, energy_profile, label_energy, rival_energy};
pub use error::{At, Cause, Error, Result};
pub use groups::{Groups, Thresholds};
pub use histogram::range;
pub use logits::{Logit, Logits};
pub use margin::{legacy_margins, lse_margins, margins};
pub use measures::*;
pub use nll::{likelihoods, nll};
pub use ood::{Detection, Mahalanobis, Neighbours, Positive, Scores, Vim};
pub use representation::{
    FeatureMap, Features, Metric, Pca, Probe, ProbeRecord, Representation, Tsne, class_separation,
    knn_accuracy, knn_accuracy_left_out,
};
pub use robustness::RobustnessCurve;
pub use roc::{auroc, average_precision, fpr95, legacy_aupr, roc_curve};
pub use stats::{
    EffectSize, Estimate, Interval, Overlap, PairedDifference, Side, SignFlips, TwoWay, Verdict,
    bootstrap, differences, effect_size, holm, mean, median, population_std, power, seeds_needed,
    sign_flips, standard_error, std, verdicts,
};
pub use steepness::steepness;
pub use stop::Stop;
pub use summary::{OodSummary, Summary};
pub use temperature::{scale, temperature};
pub use threshold::Threshold;
pub use train_measures::TrainMeasures;

/// The measurements that every table of a comparison shows, in the order of its columns.
pub const MAIN: [&Card; 15] = [
    &accuracy::CARD,
    &translation::quality::BLEU,
    &nll::CARD,
    &calibration::ECE,
    &margin::CARD,
    &energy::LABEL,
    &ood::AUROC,
    &ood::FPR95,
    &robustness::FGSM,
    &robustness::PGD_LINF,
    &accuracy::FIRST_STAGE,
    &representation::probe::CARD,
    &groups::MANY,
    &groups::MEDIUM,
    &groups::FEW,
];

/// Those that the page's full list, the files for programs and `steepness measure` show, too.
pub const MORE: [&Card; 26] = [
    &confusion::BALANCED_ACCURACY,
    &confusion::MACRO_F1,
    &binary::AUROC,
    &binary::AVERAGE_PRECISION,
    &brier::CARD,
    &calibration::equal_mass::CARD,
    &calibration::MCE,
    &calibration::classwise::CARD,
    &aurc::CARD,
    &aurc::EXCESS,
    &temperature::CARD,
    &nll::SCALED,
    &brier::SCALED,
    &calibration::ECE_SCALED,
    &margin::LSE,
    &margin::LEGACY,
    &energy::GAP,
    &train_measures::ACCURACY,
    &train_measures::MARGIN,
    &representation::separation::CARD,
    &representation::neighbours::COSINE,
    &representation::neighbours::EUCLIDEAN,
    &translation::quality::CHRF,
    &translation::quality::BLEU_OF_WORDS,
    &translation::quality::LENGTH_RATIO,
    &measures::EPOCH,
];
