//! The passes that a loss takes at an epoch: the whole of it, or its base and its bonus apart, each
//! with its options.

use super::{Criterion, CriterionState};
use crate::curve::{Base, Bonus, Curve, Shape};
use crate::loss::{Ldam, Margin, Objective, Schedule, Scheduled};
use crate::rows::Adjusted;
use crate::weights::{BonusWeights, effective_number_weights, ldam_margins, log_priors};

/// One pass of the row kernel: the whole loss, or its base and its bonus apart. Whoever computes a loss
/// without the kernels goes by it: a row's loss is the sum over its terms.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Term {
    /// What a row pays, at the current epoch.
    pub objective: Objective,
    /// What happens to the logits before.
    pub adjusted: Adjusted,
    /// Label smoothing.
    pub smoothing: f64,
    /// Multiply what a row pays, by its label.
    pub class_weights: Option<Vec<f64>>,
    /// Weight of (log-sum-exp)².
    pub z_loss: f64,
    /// Whether the mean divides by the weights or by the number of rows.
    pub by_weights: bool,
}

impl Criterion {
    /// The objective at the current epoch: deferral, schedule, `le=auto`.
    fn objective(&self) -> Objective {
        let CriterionState { epoch, epochs, mean_p, .. } = self.state;
        let mut objective = self.loss.objective;
        let (Objective::Softmax(curve) | Objective::Sigmoid(crate::Binary { curve, .. })) =
            &mut objective
        else {
            return objective;
        };
        if epoch > 0 && epoch < self.loss.from_epoch {
            *curve = Curve::CROSS_ENTROPY;
            return objective;
        }
        let Some(bonus) = &mut curve.bonus else { return objective };
        if let (true, Shape::Log { le, .. }) = (self.loss.auto_le, &mut bonus.shape) {
            *le = mean_p.unwrap_or(0.0).clamp(0.0, 1.0);
        }
        if let Some(Schedule { of, growth, epochs: own }) = self.loss.schedule {
            let over = own.unwrap_or(epochs).max(1);
            let factor = growth.at((epoch as f64 / over as f64).min(1.0));
            match (of, &mut bonus.shape) {
                (Scheduled::Le, Shape::Log { le, .. }) => *le *= factor,
                _ => bonus.rho *= factor,
            }
        }
        objective
    }

    /// What its rows pay at the current epoch ([`Criterion::set_epoch`]) and with the current running
    /// means, but for what is no sum over rows of their own: `match` and `jsd` of the [`Loss`](crate::Loss).
    ///
    /// ```
    /// let criterion = "el(le=0.5) + temp(2)".parse::<steepness::Loss>()?.criterion(3)?;
    /// let [term] = &criterion.terms()[..] else { panic!("one pass") };
    /// assert_eq!((term.adjusted.before, term.smoothing), (0.5, 0.0));
    /// # Ok::<(), steepness::Error>(())
    /// ```
    pub fn terms(&self) -> Vec<Term> {
        let objective = self.objective();
        let loss = &self.loss;
        let counts = self.counts.as_deref().unwrap_or_default();
        let (epoch, epochs) = (self.state.epoch as f64, self.state.epochs as f64);
        let weighting = loss.weighting.map(|weighting| {
            // Published as epochs 1 to 180 of 200 without weights: from = 0.9.
            let begun = weighting.from == 0.0 || epoch > weighting.from * epochs;
            (weighting, begun)
        });
        let class_weights = match weighting {
            Some((weighting, true)) => Some(effective_number_weights(weighting.beta, counts)),
            Some((_, false)) => None,
            None => self.class_weights.clone(),
        };
        let whole = Term {
            objective,
            adjusted: self.adjusted(true),
            smoothing: loss.smoothing,
            class_weights,
            z_loss: loss.z_loss,
            by_weights: true,
        };
        let Some((base, bonus)) = split(objective) else { return vec![whole] };
        let raw_bonus = loss.adjust.ldam.is_some_and(|ldam| ldam.raw_bonus);
        let bonus_weights = weighting.map_or(BonusWeights::Whole, |(w, _)| w.bonus);
        let one_pass = loss.bonus_smoothing.is_none_or(|eps| eps == loss.smoothing)
            && bonus_weights == BonusWeights::Whole
            && loss.bonus_off.is_none()
            && !raw_bonus;
        if one_pass {
            return vec![whole];
        }
        let weighed = matches!(bonus_weights, BonusWeights::Same | BonusWeights::Max);
        let deferred = weighed && weighting.is_some_and(|(_, begun)| !begun);
        let mut weights = match (bonus_weights, &whole.class_weights) {
            (BonusWeights::None, _) | (_, None) => None,
            (BonusWeights::Max, Some(weights)) => {
                let largest = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
                Some(weights.iter().map(|w| w / largest).collect())
            }
            (_, Some(weights)) => Some(weights.clone()),
        };
        if let Some(shots) = &loss.bonus_off {
            let weights = weights.get_or_insert_with(|| vec![1.0; self.classes]);
            let off = shots.off(counts);
            weights.iter_mut().zip(off).filter(|(_, off)| *off).for_each(|(w, _)| *w = 0.0);
        }
        let bonus = Term {
            objective: bonus,
            adjusted: self.adjusted(!raw_bonus),
            smoothing: loss.bonus_smoothing.unwrap_or(loss.smoothing),
            class_weights: weights,
            z_loss: 0.0,
            // Class weights of a bonus leave the mean over rows (docs/derivations.md §9).
            by_weights: bonus_weights == BonusWeights::Whole && loss.bonus_off.is_none(),
        };
        let base = Term { objective: base, ..whole };
        if deferred { vec![base] } else { vec![base, bonus] }
    }

    /// The adjustment of the logits, made ready; the bonus of an official quirk sees them without
    /// the label's margin and its scale.
    fn adjusted(&self, with_label_margin: bool) -> Adjusted {
        let adjust = &self.loss.adjust;
        let counts = self.counts.as_deref().unwrap_or_default();
        let offsets = adjust
            .prior
            .map(|tau| log_priors(counts).into_iter().map(|prior| tau * prior).collect());
        let (margins, after) = match (adjust.ldam, adjust.margin) {
            (Some(Ldam { max, scale, .. }), _) => (Some(ldam_margins(max, counts)), scale),
            (None, Some(Margin { m, scale })) => (Some(vec![m; self.classes]), scale),
            (None, None) => (None, 1.0),
        };
        let margins = margins.filter(|_| with_label_margin);
        let after = if with_label_margin { after } else { 1.0 };
        let before = 1.0 / adjust.temperature.unwrap_or(1.0);
        Adjusted { soft_cap: adjust.soft_cap, before, offsets, margins, after }
    }
}

/// Base and bonus apart, where there is a bonus.
fn split(objective: Objective) -> Option<(Objective, Objective)> {
    let Objective::Softmax(Curve { base, bonus: Some(bonus) }) = objective else { return None };
    let alone: Bonus = bonus;
    Some((
        Objective::Softmax(Curve { base, bonus: None }),
        Objective::Softmax(Curve { base: Base::Zero, bonus: Some(alone) }),
    ))
}
