//! Class weights from class counts: effective numbers, deferred re-weighting, shot groups.

use crate::error::{Result, within};

/// Class weights by effective numbers of examples, possibly deferred (DRW).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighting {
    /// β of [`effective_number_weights`], in \[0, 1).
    pub beta: f64,
    /// The share of the epochs that runs without weights: 0 weighs from the start, 0.9 in the last
    /// tenth. As published (docs/derivations.md §9), a bonus is off until then too where `bonus`
    /// weighs it.
    pub from: f64,
    /// How the bonus is weighed.
    pub bonus: BonusWeights,
}

/// How class weights apply to a bonus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BonusWeights {
    /// As the base: the whole loss is weighed.
    #[default]
    Whole,
    /// Weight 1 for every class ("uniform courage").
    None,
    /// The class weight, the sum divided by the number of rows and not by their weights (`cw same`).
    Same,
    /// The class weight over the largest, likewise (`cw max`).
    Max,
}

/// Classes whose bonus is switched off, by how many training examples they have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shots {
    /// Fewer than 20 examples.
    Few,
    /// From 20 to 100.
    Medium,
    /// More than 100.
    Many,
    /// 20 and more.
    MediumAndMany,
    /// The most frequent classes, this share of all.
    MostFrequent(f64),
}

impl Weighting {
    pub(crate) fn validate(&self) -> Result<()> {
        within("beta", self.beta, 0.0, 1.0 - f64::EPSILON)?;
        within("from", self.from, 0.0, 1.0 - f64::EPSILON)
    }
}

/// w_j ∝ (1−β)/(1−β^n_j), normalised to a mean of 1 (Cui et al. 2019; docs/derivations.md §9).
///
/// A class without examples gets weight 0: it occurs in no target.
///
/// ```
/// let w = steepness::effective_number_weights(0.9999, &[1000, 100, 10]);
/// assert!((w[2] - 2.700382).abs() < 1e-6);
/// ```
pub fn effective_number_weights(beta: f64, counts: &[u64]) -> Vec<f64> {
    let inverse = |n: &u64| match *n {
        0 => 0.0,
        _ if beta == 0.0 => 1.0,
        // 1 − βⁿ through expm1, exact for β near 1.
        n => (1.0 - beta) / -(n as f64 * beta.ln()).exp_m1(),
    };
    let weights: Vec<f64> = counts.iter().map(inverse).collect();
    let sum: f64 = weights.iter().sum();
    let scale = if sum > 0.0 { counts.len() as f64 / sum } else { 0.0 };
    weights.into_iter().map(|w| w * scale).collect()
}

/// Δ_j = C·n_j^(−1/4), scaled so that the largest is `max` (Cao et al. 2019).
///
/// A class without examples gets the largest margin.
pub fn ldam_margins(max: f64, counts: &[u64]) -> Vec<f64> {
    let margin = |n: &u64| (*n.max(&1) as f64).powf(-0.25);
    let largest = counts.iter().map(margin).fold(f64::MIN_POSITIVE, f64::max);
    counts.iter().map(|n| max * margin(n) / largest).collect()
}

/// ln π_k of the classes' frequencies; a class without examples counts as half an example.
pub(crate) fn log_priors(counts: &[u64]) -> Vec<f64> {
    let count = |n: &u64| if *n == 0 { 0.5 } else { *n as f64 };
    let total: f64 = counts.iter().map(count).sum();
    counts.iter().map(|n| (count(n) / total).ln()).collect()
}

impl Shots {
    /// For each class, whether its bonus is off.
    pub fn off(&self, counts: &[u64]) -> Vec<bool> {
        let by = |off: fn(u64) -> bool| counts.iter().map(|n| off(*n)).collect();
        match *self {
            Shots::Few => by(|n| n < 20),
            Shots::Medium => by(|n| (20..=100).contains(&n)),
            Shots::Many => by(|n| n > 100),
            Shots::MediumAndMany => by(|n| n >= 20),
            Shots::MostFrequent(share) => {
                let mut order: Vec<usize> = (0..counts.len()).collect();
                order.sort_by_key(|class| (std::cmp::Reverse(counts[*class]), *class));
                let cut = (share * counts.len() as f64).round() as usize;
                let mut off = vec![false; counts.len()];
                order.iter().take(cut).for_each(|class| off[*class] = true);
                off
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-6, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn published_weights_and_margins() {
        // docs/derivations.md §8 and §9
        let counts = [1000, 100, 10];
        close(&effective_number_weights(0.9999, &counts), &[0.028362, 0.271255, 2.700382]);
        close(&ldam_margins(0.5, &counts), &[0.158114, 0.281171, 0.5]);
    }

    #[test]
    fn weights_at_the_ends() {
        close(&effective_number_weights(0.0, &[5, 1, 9]), &[1.0; 3]);
        close(&effective_number_weights(0.999, &[5, 0, 5]), &[1.5, 0.0, 1.5]);
        close(&effective_number_weights(0.9, &[0, 0]), &[0.0, 0.0]);
        assert!(log_priors(&[0, 3]).iter().all(|prior| prior.is_finite()));
    }

    #[test]
    fn shot_groups() {
        let counts = [500, 100, 20, 19];
        assert_eq!(Shots::Few.off(&counts), [false, false, false, true]);
        assert_eq!(Shots::Medium.off(&counts), [false, true, true, false]);
        assert_eq!(Shots::Many.off(&counts), [true, false, false, false]);
        assert_eq!(Shots::MediumAndMany.off(&counts), [true, true, true, false]);
        assert_eq!(Shots::MostFrequent(0.5).off(&[1, 7, 7, 9]), [false, true, false, true]);
    }
}
