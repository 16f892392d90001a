//! [`Loss`]: a curve and its options, everything that one line of a spec can say.

use crate::curve::{Base, Bonus, Curve, Shape};
use crate::error::{Result, positive, refuse, within};
use crate::weights::{BonusWeights, Shots, Weighting};

/// A loss: what a row pays, and every option around it. Written as one line; the crate's front page
/// lists all there is to write.
///
/// It is a description. [`Loss::criterion`] makes of it the thing that computes.
///
/// ```
/// use steepness::Loss;
/// let loss: Loss = "el(le=0.5) + smooth(0.1)".parse()?;
/// assert_eq!(loss.smoothing, 0.1);
/// assert_eq!(loss.to_string(), "el(le=0.5) + smooth(0.1)");
/// # Ok::<(), steepness::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loss {
    /// What a row pays.
    pub objective: Objective,
    /// The bonus' log end follows the running mean of p (`le=auto`).
    pub auto_le: bool,
    /// Label smoothing: the target is (1−ε)·one-hot + ε/C.
    pub smoothing: f64,
    /// Another ε for the bonus, as the paper's translation code has.
    pub bonus_smoothing: Option<f64>,
    /// What happens to the logits before the curve.
    pub adjust: Adjust,
    /// Class weights from class counts.
    pub weighting: Option<Weighting>,
    /// Classes whose bonus is off.
    pub bonus_off: Option<Shots>,
    /// Weight of the penalty (log-sum-exp)².
    pub z_loss: f64,
    /// Norm matching: the loss is scaled so that its gradient is as long as cross entropy's.
    pub matching: bool,
    /// Cross entropy before this epoch (counted from 1); 0 and 1 defer nothing.
    pub from_epoch: usize,
    /// A schedule of the bonus.
    pub schedule: Option<Schedule>,
    /// JSD consistency over three augmented views of the batch (AugMix): its weight α.
    pub jsd: Option<f64>,
}

/// What a row of logits pays.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Objective {
    /// A curve of the label's softmax probability.
    Softmax(Curve),
    /// One binary problem a class: the mean over classes of a curve of σ(±z).
    Sigmoid(Binary),
    /// Mean squared or absolute error of probabilities against the targets.
    Error(ProbabilityError),
    /// Hinge: mean over classes of max(0, margin − z_y + z_k), k ≠ y.
    MultiMargin {
        /// The margin, > 0.
        margin: f64,
    },
}

/// One binary problem a class (docs/derivations.md §7: the detection losses).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary {
    /// Loss of p_t: σ(z) for a positive entry, σ(−z) for a negative one.
    pub curve: Curve,
    /// Weight of the base: α for positives, 1 − α for negatives; none: 1 for both.
    pub alpha: Option<f64>,
    /// Weight of the bonus: β for positives, 1 − β for negatives; none: 1 for both.
    pub beta: Option<f64>,
    /// The bonus is multiplied by (1 − p_t)^ita.
    pub ita: f64,
    /// Where a halted focal loss leaves the focal branch.
    pub halt: Halt,
}

/// Which entries of a sigmoid halted focal loss are cross entropy instead of focal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Halt {
    /// p_t > at: the well classified, positive or negative.
    #[default]
    Probability,
    /// σ(z) > at, as the official detection code branches (its β = 0): well-classified positives
    /// and *mis*classified negatives.
    Score,
    /// Only positives with σ(z) > at (its β = 1).
    ScorePositives,
    /// Only negatives with σ(z) > at (its β = 2).
    ScoreNegatives,
    /// As [`Halt::Score`], and negatives are plain cross entropy throughout (its β = 3).
    NegativesPlain,
    /// As [`Halt::Score`], and positives are plain cross entropy throughout (its β = 4).
    PositivesPlain,
}

/// Mean squared or absolute error of probabilities (docs/derivations.md §6; the paper's Table 5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbabilityError {
    /// Squared (`mse`) or absolute (`mae`).
    pub squared: bool,
    /// Probabilities by σ of each logit instead of softmax.
    pub sigmoid: bool,
    /// The mirror bonus.
    pub mirror: Option<Mirror>,
}

/// −ρ·mean\[Y·a^g + (1−Y)·(1−a)^g\]: rewards what MSE and MAE call right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirror {
    /// g > 0; 2 as published.
    pub gamma: f64,
    /// ρ.
    pub rho: f64,
}

/// What happens to the logits before the curve, in this order: soft cap, temperature, priors, the
/// label's margin, scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Adjust {
    /// z → c·tanh(z/c).
    pub soft_cap: Option<f64>,
    /// z → z/T.
    pub temperature: Option<f64>,
    /// Logit adjustment: z_k → z_k + τ·ln π_k, with π the class frequencies (Menon et al. 2021).
    pub prior: Option<f64>,
    /// LDAM: z_y → z_y − Δ_y with Δ_j ∝ n_j^(−1/4), then all × scale.
    pub ldam: Option<Ldam>,
    /// Additive margin: z_y → z_y − m, then all × scale.
    pub margin: Option<Margin>,
}

/// Label-distribution-aware margins (Cao et al. 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ldam {
    /// The largest margin, that of the rarest class.
    pub max: f64,
    /// All logits are multiplied by it afterwards.
    pub scale: f64,
    /// The bonus sees the logits without the margins, as in the official code.
    pub raw_bonus: bool,
}

/// An additive margin on the label's logit (additive-margin softmax).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Subtracted from the label's logit.
    pub m: f64,
    /// All logits are multiplied by it afterwards.
    pub scale: f64,
}

/// How the bonus grows over epochs (docs/derivations.md §3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// What it multiplies.
    pub of: Scheduled,
    /// Its form.
    pub growth: Growth,
    /// Over how many epochs it runs; none: the whole training.
    pub epochs: Option<usize>,
}

/// What a schedule multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// The bonus' weight ρ.
    Rho,
    /// Its log end.
    Le,
}

/// A factor as a function of t = epoch / epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// t
    Linear,
    /// e^((t−1)·rate) for a positive rate, 1 − e^(rate·t) for a negative one.
    Exponential(f64),
    /// (1 + cos(π(1+t)))/2
    Cosine,
}

impl Growth {
    /// The factor at t in \[0, 1\].
    pub fn at(&self, t: f64) -> f64 {
        match *self {
            Growth::Linear => t,
            Growth::Exponential(rate) if rate > 0.0 => ((t - 1.0) * rate).exp(),
            Growth::Exponential(rate) => 1.0 - (rate * t).exp(),
            Growth::Cosine => ((std::f64::consts::PI * (1.0 + t)).cos() + 1.0) / 2.0,
        }
    }
}

impl From<Curve> for Loss {
    fn from(curve: Curve) -> Self {
        Self::new(Objective::Softmax(curve))
    }
}

impl Loss {
    /// `objective` without any option.
    pub fn new(objective: Objective) -> Self {
        Self {
            objective,
            auto_le: false,
            smoothing: 0.0,
            bonus_smoothing: None,
            adjust: Adjust::default(),
            weighting: None,
            bonus_off: None,
            z_loss: 0.0,
            matching: false,
            from_epoch: 0,
            schedule: None,
            jsd: None,
        }
    }

    /// The curve, where the loss is one of the softmax probability or of σ.
    pub fn curve(&self) -> Option<&Curve> {
        match &self.objective {
            Objective::Softmax(curve) | Objective::Sigmoid(Binary { curve, .. }) => Some(curve),
            Objective::Error(_) | Objective::MultiMargin { .. } => None,
        }
    }

    /// Whether it needs to know how many training examples each class has.
    pub fn needs_counts(&self) -> bool {
        self.adjust.prior.is_some()
            || self.adjust.ldam.is_some()
            || self.weighting.is_some()
            || self.bonus_off.is_some()
    }

    /// Checks every number and every combination.
    ///
    /// # Errors
    /// Says which option does not go with which, or which number is out of which range.
    pub fn validate(&self) -> Result<()> {
        self.validate_objective()?;
        self.validate_numbers()?;
        self.validate_combinations()
    }

    fn validate_objective(&self) -> Result<()> {
        if let Some(curve) = self.curve() {
            curve.validate()?;
        }
        match &self.objective {
            Objective::Softmax(_) => Ok(()),
            Objective::Sigmoid(binary) => {
                within("alpha", binary.alpha.unwrap_or(0.0), 0.0, 1.0)?;
                within("beta", binary.beta.unwrap_or(0.0), 0.0, 1.0)?;
                within("ita", binary.ita, 0.0, f64::MAX)?;
                let halted = matches!(binary.curve.base, Base::Halted { .. });
                if binary.halt != Halt::Probability && !halted {
                    return refuse("branch", "belongs to a halted focal loss");
                }
                if binary.curve.bonus.is_none() {
                    let no_bonus = "weighs a bonus, and this loss has none";
                    if binary.beta.is_some() {
                        return refuse("beta", no_bonus);
                    }
                    if binary.ita != 0.0 {
                        return refuse("ita", no_bonus);
                    }
                }
                Ok(())
            }
            Objective::Error(ProbabilityError { mirror: Some(mirror), .. }) => {
                // docs/derivations.md §6: with g ≤ 0 the official code explodes.
                positive("mirror gamma", mirror.gamma)?;
                within("mirror rho", mirror.rho, 0.0, f64::MAX)
            }
            Objective::Error(_) => Ok(()),
            Objective::MultiMargin { margin } => positive("margin", *margin),
        }
    }

    fn validate_numbers(&self) -> Result<()> {
        within("smooth", self.smoothing, 0.0, 1.0)?;
        within("smooth bonus", self.bonus_smoothing.unwrap_or(0.0), 0.0, 1.0)?;
        within("zloss", self.z_loss, 0.0, f64::MAX)?;
        within("jsd alpha", self.jsd.unwrap_or(0.0), 0.0, f64::MAX)?;
        let adjust = &self.adjust;
        positive("softcap", adjust.soft_cap.unwrap_or(1.0))?;
        positive("temp", adjust.temperature.unwrap_or(1.0))?;
        within("adjust tau", adjust.prior.unwrap_or(0.0), f64::MIN, f64::MAX)?;
        if let Some(Ldam { max, scale, .. }) = adjust.ldam {
            positive("ldam max", max)?;
            positive("ldam scale", scale)?;
        }
        if let Some(Margin { m, scale }) = adjust.margin {
            within("margin m", m, 0.0, f64::MAX)?;
            positive("margin scale", scale)?;
        }
        if let Some(Schedule { epochs: Some(0), .. }) = self.schedule {
            return refuse("schedule epochs", "must be at least 1, not 0");
        }
        self.weighting.as_ref().map_or(Ok(()), Weighting::validate)
    }

    fn validate_combinations(&self) -> Result<()> {
        let adjust = &self.adjust;
        let bonus = self.curve().and_then(|curve| curve.bonus);
        let softmax = matches!(self.objective, Objective::Softmax(_));
        let scheduled_le = self.schedule.is_some_and(|schedule| schedule.of == Scheduled::Le);
        let label_margin = adjust.margin.is_some() || adjust.ldam.is_some();
        let smooth = self.smoothing != 0.0 || self.bonus_smoothing.is_some();
        let log = matches!(bonus, Some(Bonus { shape: Shape::Log { .. }, .. }));
        // Without a word, `weights` weighs the whole and `drw` base and bonus as published.
        let (weighting, apart, chosen) = match self.weighting {
            Some(Weighting { from: 0.0, bonus, .. }) => {
                let apart = bonus != BonusWeights::Whole;
                ("weights bonus", apart, apart)
            }
            Some(Weighting { bonus, .. }) => {
                ("drw bonus", bonus != BonusWeights::Whole, bonus != BonusWeights::Same)
            }
            None => ("", false, false),
        };
        let no_bonus = "concerns the bonus, and this loss has none";
        let softmax_only = "goes with a loss of the softmax probability only";
        let deferred = self.from_epoch > 1 && self.curve().is_none();
        let hinge = matches!(self.objective, Objective::MultiMargin { .. });
        let rules = [
            (!softmax && self.z_loss != 0.0, "zloss", softmax_only),
            (!softmax && self.matching, "match", softmax_only),
            (!softmax && adjust.margin.is_some(), "margin", softmax_only),
            (!softmax && adjust.ldam.is_some(), "ldam", softmax_only),
            (!softmax && self.jsd.is_some(), "jsd", softmax_only),
            (!softmax && self.bonus_smoothing.is_some(), "smooth bonus", softmax_only),
            (!softmax && self.bonus_off.is_some(), "shots", softmax_only),
            (!softmax && bonus.is_some() && apart, weighting, softmax_only),
            (bonus.is_none() && apart && chosen, weighting, no_bonus),
            (bonus.is_none() && self.bonus_smoothing.is_some(), "smooth bonus", no_bonus),
            (bonus.is_none() && self.bonus_off.is_some(), "shots", no_bonus),
            (bonus.is_none() && self.schedule.is_some(), "schedule", no_bonus),
            (
                bonus.is_none() && adjust.ldam.is_some_and(|ldam| ldam.raw_bonus),
                "ldam bonus",
                no_bonus,
            ),
            (hinge && smooth, "smooth", "needs probabilities, and multimargin has none"),
            (
                label_margin && smooth,
                "smooth",
                "does not go with a margin on the label's logit, which needs one label a row",
            ),
            (
                adjust.margin.is_some() && adjust.ldam.is_some(),
                "ldam",
                "and margin are two margins for the same logit: choose one",
            ),
            (self.auto_le && !log, "le", "belongs to the logarithmic bonus"),
            (scheduled_le && !log, "schedule", "of le needs the logarithmic bonus"),
            (scheduled_le && self.auto_le, "schedule", "and le=auto both set le: choose one"),
            (deferred, "from", "means cross entropy before that epoch: the loss must be a curve"),
            (
                self.jsd.is_some() && self.matching,
                "match",
                "does not go with jsd: its gradient is not the curve's alone",
            ),
        ];
        match rules.iter().find(|(broken, ..)| *broken) {
            None => Ok(()),
            Some((_, option, problem)) => refuse(option, *problem),
        }
    }
}
