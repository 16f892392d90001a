//! A row of logits as a problem of two classes, for devices that the kernels cannot reach.

use super::Criterion;
use crate::loss::Objective;

impl Criterion {
    /// The same loss on two classes, the label and all others as one, with the target and the weight
    /// of each row: for a loss that is a function of the label's log-odds alone, which stay as they
    /// are when the other logits become their log-sum-exp. None for others, and for wrong targets.
    pub(crate) fn one_to_rest(&self, targets: &[i64]) -> Option<(Self, Vec<i64>, Vec<f64>)> {
        const IGNORED: i64 = -1;
        let loss = &self.loss;
        let of_log_odds = matches!(loss.objective, Objective::Softmax(_))
            && !loss.curve().is_some_and(|curve| curve.needs_squares())
            && loss.smoothing == 0.0
            && loss.bonus_smoothing.is_none_or(|eps| eps == 0.0)
            && loss.adjust == crate::loss::Adjust::default()
            && loss.weighting.is_none()
            && loss.bonus_off.is_none()
            && loss.z_loss == 0.0
            && loss.jsd.is_none();
        if !of_log_odds {
            return None;
        }
        let (mut rows, mut weights) = (vec![], vec![]);
        for target in targets {
            let ignored = *target == self.ignore_index;
            if !ignored && !(0..self.classes as i64).contains(target) {
                return None;
            }
            rows.push(if ignored { IGNORED } else { 0 });
            let of_class =
                |weights: &Vec<f64>| if ignored { 0.0 } else { weights[*target as usize] };
            weights.push(self.class_weights.as_ref().map_or(1.0, of_class));
        }
        let two = Self {
            classes: 2,
            counts: None,
            class_weights: None,
            ignore_index: IGNORED,
            predictions: false,
            ..self.clone()
        };
        Some((two, rows, weights))
    }
}
