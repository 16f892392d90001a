//! Histograms with equal-width bins \[a, b), the last one closed, as numpy's.

use super::Histogram;

impl Histogram {
    /// Counts `values` in `bins` bins over \[`low`, `high`\]. Values outside and NaN are not
    /// counted.
    pub fn new(values: &[f64], low: f64, high: f64, bins: usize) -> Self {
        let mut counts = vec![0; bins];
        for bin in values.iter().filter_map(|&value| bin_of(value, low, high, bins)) {
            counts[bin] += 1;
        }
        Self { low, high, counts }
    }

    /// Counts `values` in `bins` bins over their own range, see [`range`].
    pub fn over_range(values: &[f64], bins: usize) -> Self {
        let (low, high) = range(values);
        Self::new(values, low, high, bins)
    }
}

/// The smallest and the largest finite value. Without any it is (0, 1), and for equal ones it
/// reaches one half to either side, as in numpy, so that a bin always has a width.
pub fn range(values: &[f64]) -> (f64, f64) {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let Some(low) = finite().reduce(f64::min) else { return (0.0, 1.0) };
    let high = finite().fold(low, f64::max);
    if low < high { (low, high) } else { (low - 0.5, high + 0.5) }
}

/// The bin \[a, b) of `value` among `bins` bins over \[`low`, `high`\]; the last is closed.
pub(super) fn bin_of(value: f64, low: f64, high: f64, bins: usize) -> Option<usize> {
    if bins == 0 || !(low..=high).contains(&value) {
        return None;
    }
    // Halved, so that a range near the largest double does not overflow.
    let position = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    Some(((position * bins as f64) as usize).min(bins - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_numpy() {
        // numpy.histogram([0, .1, .25, .5, .5, .74, .75, 1], bins=4, range=(0, 1))[0]
        let values = [0.0, 0.1, 0.25, 0.5, 0.5, 0.74, 0.75, 1.0];
        assert_eq!(Histogram::new(&values, 0.0, 1.0, 4).counts, [2, 1, 3, 2]);
        // numpy.histogram([-3, -1, 2, 5, 5, 4.9], bins=4)
        let histogram = Histogram::over_range(&[-3.0, -1.0, 2.0, 5.0, 5.0, 4.9], 4);
        assert_eq!((histogram.low, histogram.high), (-3.0, 5.0));
        assert_eq!(histogram.counts, [1, 1, 1, 3]);
    }

    #[test]
    fn twentieths_fall_where_they_begin() {
        for i in 0..20 {
            assert_eq!(bin_of(f64::from(i) / 20.0, 0.0, 1.0, 20), Some(i as usize));
        }
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let empty = Histogram::over_range(&[], 3);
        assert_eq!((empty.low, empty.high, empty.counts), (0.0, 1.0, vec![0, 0, 0]));
        let constant = Histogram::over_range(&[7.0; 4], 2);
        assert_eq!((constant.low, constant.high, constant.counts), (6.5, 7.5, vec![0, 4]));
        let wild = Histogram::over_range(&[f64::MAX, -f64::MAX, f64::NAN, f64::INFINITY], 2);
        assert_eq!(wild.counts, [1, 1]);
        assert!(Histogram::over_range(&[1.0], 0).counts.is_empty());
    }

    #[test]
    fn nothing_in_the_range_is_lost() {
        for seed in 0..20 {
            let values: Vec<f64> = crate::sample::uniform(seed).take(100).collect();
            assert_eq!(Histogram::over_range(&values, 7).counts.iter().sum::<u64>(), 100);
        }
    }
}
