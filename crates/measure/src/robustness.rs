//! [`RobustnessCurve`]: accuracy under attack. What attacks needs an engine; what it found does not.

use crate::card::{Card, Direction, Range, Source};
use serde::{Deserialize, Serialize};

pub(crate) const FGSM: Card = Card {
    key: "fgsm_accuracy",
    title: "FGSM",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "accuracy under the fast gradient sign attack at this ε, in pixel units",
    range: Range::Share,
    source: Source::Attack("fgsm"),
};

pub(crate) const PGD_LINF: Card = Card {
    key: "pgd_linf_accuracy",
    title: "PGD-L∞",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "accuracy under projected gradient descent in the L∞ ball of radius ε, in pixel \
              units",
    range: Range::Share,
    source: Source::Attack("pgd-linf"),
};

/// Accuracy of one model under one attack as its budget grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobustnessCurve {
    /// "fgsm", "pgd-linf", "apgd-linf-dlr" …, or "worst-linf" of all in that norm.
    pub attack: String,
    /// Its name for people, as in a figure: "PGD-L∞"; not in records from before it was noted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// How it was run, for people: steps, step size, norm, random start.
    pub setting: String,
    /// (ε in pixel units of \[0, 1\], accuracy), ε = 0 first.
    pub points: Vec<(f64, f64)>,
    /// Share of clean examples where the input gradient that the attack follows is exactly zero: it
    /// is blind there, which looks like robustness and is not.
    pub zero_gradient: f64,
    /// Share of clean examples where it is not, but nowhere as large as the smallest number that f32
    /// holds with full precision, 1.2·10⁻³⁸: it underflows.
    #[serde(default)]
    pub faint_gradient: f64,
    /// What measures ε: "linf" or "l2".
    #[serde(default = "linf")]
    pub norm: String,
    /// What the attack makes large: "ce", "ce/10" with the logits over 10, "margin" or "dlr" along
    /// a gradient; "none" where it knows no gradient, "any" for the worst of several.
    #[serde(default = "ce")]
    pub objective: String,
    /// About how many gradients of an example it took with each budget; 0 where it knows none, and in
    /// records from before this was noted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gradients: usize,
    /// How far its steps can lead at most, where that is less than the largest ε: what is right with
    /// an ε beyond was not put to the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<f64>,
    /// How many examples were attacked; 0 in records from before this was noted.
    #[serde(default)]
    pub examples: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The norm of every attack before there was another.
fn linf() -> String {
    "linf".to_owned()
}

/// The objective of every attack before there was another.
fn ce() -> String {
    "ce".to_owned()
}
