//! The definition of a batch's loss, in f64, and what a kernel's result must have to do with it.

use steepness::{Batch, Criterion, Curve, Odds, Reduction, Targets};

/// Changes a row's logits, given its label.
pub type Adjust = Box<dyn Fn(&mut [f64], usize)>;

/// A sum over rows and classes of t_k·w_k·ℓ(p_k), with λ·lse² for each row.
pub struct Part {
    pub curve: Curve,
    /// What happens to the logits first.
    pub adjust: Adjust,
    pub smoothing: f64,
    pub class_weights: Vec<f64>,
    /// Whether a mean divides by the class weights of the labels, or by the number of rows.
    pub by_weights: bool,
    pub z_loss: f64,
}

/// The loss without any option.
pub fn plain(curve: Curve, classes: usize) -> Part {
    Part {
        curve,
        adjust: Box::new(|_, _| {}),
        smoothing: 0.0,
        class_weights: vec![1.0; classes],
        by_weights: true,
        z_loss: 0.0,
    }
}

/// ln(p_k/(1 − p_k)) from the other classes, so that nothing cancels.
pub fn log_odds(logits: &[f64], k: usize) -> f64 {
    logits[k] - log_sum_exp(logits.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, z)| *z))
}

pub fn log_sum_exp(logits: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + logits.map(|z| (z - largest).exp()).sum::<f64>().ln()
}

impl Part {
    /// One row; `label` is that of the largest target. What a curve sees of the whole row it sees in
    /// `held`, which is the same row but for differences.
    fn row(&self, logits: &[f64], held: &[f64], targets: &[f64], label: usize) -> f64 {
        let (mut z, mut held) = (logits.to_vec(), held.to_vec());
        (self.adjust)(&mut z, label);
        (self.adjust)(&mut held, label);
        let lse = log_sum_exp(held.iter().copied());
        let squares = held.iter().map(|z| (2.0 * (z - lse)).exp()).sum();
        let share = self.smoothing / z.len() as f64;
        let (mut value, mut weight) = (0.0, 0.0);
        for (k, target) in targets.iter().enumerate() {
            let t = self.class_weights[k] * ((1.0 - self.smoothing) * target + share);
            weight += t;
            if t != 0.0 {
                let odds = Odds::from_log_odds(log_odds(&z, k));
                value += t * self.curve.in_row(&odds, squares).0;
            }
        }
        value + self.z_loss * weight * log_sum_exp(z.iter().copied()).powi(2)
    }
}

/// A batch of hard labels, −100 being ignored.
pub struct Rows {
    pub labels: Vec<i64>,
    pub sample_weights: Vec<f64>,
    pub reduction: Reduction,
}

impl Rows {
    pub fn new(labels: Vec<i64>) -> Self {
        let sample_weights = vec![1.0; labels.len()];
        Self { labels, sample_weights, reduction: Reduction::Mean }
    }

    /// The reduced loss.
    fn value(&self, parts: &[Part], logits: &[f64], held: &[f64]) -> f64 {
        parts.iter().map(|part| self.part(part, logits, held)).sum()
    }

    fn part(&self, part: &Part, logits: &[f64], held: &[f64]) -> f64 {
        let classes = logits.len() / self.labels.len();
        let (mut sum, mut total) = (0.0, 0.0);
        let rows = logits.chunks(classes).zip(held.chunks(classes)).enumerate();
        for (row, (z, held)) in rows.filter(|(row, _)| self.labels[*row] >= 0) {
            let label = self.labels[row] as usize;
            let mut targets = vec![0.0; classes];
            targets[label] = 1.0;
            let weight = self.sample_weights[row];
            sum += weight * part.row(z, held, &targets, label);
            total += weight * if part.by_weights { part.class_weights[label] } else { 1.0 };
        }
        match self.reduction {
            Reduction::Mean if total == 0.0 => 0.0,
            Reduction::Mean => sum / total,
            _ => sum,
        }
    }

    /// Compares the kernel's value and gradient with the definition's.
    /// Gives the number of entries at which the slope jumps.
    pub fn check(
        &self,
        what: &str,
        criterion: &Criterion,
        parts: &[Part],
        logits: &[f64],
    ) -> usize {
        let batch =
            Batch::new(Targets::Hard(&self.labels)).with_sample_weights(&self.sample_weights);
        let mut criterion = criterion.clone().with_reduction(self.reduction);
        let mut gradient = vec![f64::NAN; logits.len()];
        let outcome = criterion.forward_backward(logits, batch, &mut gradient).unwrap();
        let value = |moved: &[f64]| self.value(parts, moved, logits);
        same_value(what, outcome.loss, value(logits));
        same_gradient(what, &gradient, value, logits)
    }
}

pub fn same_value(what: &str, found: f64, expected: f64) {
    let gap = (found - expected).abs();
    assert!(gap <= 1e-10 * expected.abs().max(1.0), "{what}: {found} instead of {expected}");
}

/// Compares a gradient with central differences of `value`, to 1e-7 of its largest entry.
///
/// Where the slope jumps (its two estimates differ) there is nothing to compare: gives the number of
/// such entries, which must be few.
pub fn same_gradient(
    what: &str,
    found: &[f64],
    value: impl Fn(&[f64]) -> f64,
    logits: &[f64],
) -> usize {
    const STEP: f64 = 2e-4;
    let mut moved = logits.to_vec();
    let mut at = |k: usize, by: f64| {
        moved[k] = logits[k] + by;
        let moved_value = value(&moved);
        moved[k] = logits[k];
        moved_value
    };
    let slopes: Vec<(f64, f64)> = (0..logits.len())
        .map(|k| {
            let mut slope = |step: f64| (at(k, step) - at(k, -step)) / (2.0 * step);
            (slope(STEP), slope(2.0 * STEP))
        })
        .collect();
    let scale = slopes.iter().fold(1e-2, |max: f64, (slope, _)| max.max(slope.abs()));
    let mut jumps = 0;
    for (k, (near, far)) in slopes.into_iter().enumerate() {
        if (near - far).abs() > 1e-4 * scale {
            jumps += 1;
            continue;
        }
        let slope = (4.0 * near - far) / 3.0;
        let gap = (found[k] - slope).abs();
        assert!(gap <= 1e-7 * scale, "{what} at {k}: {} instead of {slope}", found[k]);
    }
    jumps
}
