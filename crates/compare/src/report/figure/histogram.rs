//! Histograms with different ranges on one common grid.

use crate::measure::Histogram;
use crate::report::axis;
use crate::report::chart::{Mark, Shape};

/// `bins` equal bins over the joint range of the histograms that have counts and a finite range;
/// `None` where none has.
pub fn grid<'a>(
    histograms: impl IntoIterator<Item = &'a Histogram>,
    bins: usize,
) -> Option<Vec<f64>> {
    let ends = histograms.into_iter().filter(|h| usable(h)).flat_map(|h| [h.low, h.high]);
    let (low, high) = axis::range(ends)?;
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
    let edge = |at: usize| low + (high - low) * at as f64 / bins as f64;
    Some((0..=bins).map(edge).collect())
}

/// Pools histograms on `edges`: each count is spread evenly over its own bin and shared out by
/// overlap. Returns the share of all counted examples in each bin of the grid; `None` of nothing.
pub fn pooled<'a>(
    histograms: impl IntoIterator<Item = &'a Histogram>,
    edges: &[f64],
) -> Option<Vec<f64>> {
    let mut shares = vec![0.0; edges.len() - 1];
    let mut total = 0.0;
    for histogram in histograms.into_iter().filter(|h| usable(h)) {
        let width = (histogram.high - histogram.low) / histogram.counts.len() as f64;
        for (bin, count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = *count as f64;
            total += count;
            let low = histogram.low + width * bin as f64;
            let high = low + width;
            for (share, edge) in shares.iter_mut().zip(edges.windows(2)) {
                *share += count * overlap((low, high), (edge[0], edge[1]));
            }
        }
    }
    (total > 0.0).then(|| shares.iter().map(|share| share / total).collect())
}

/// Steps of shares in per cent.
pub fn steps(series: usize, edges: &[f64], shares: &[f64]) -> Mark {
    let heights = shares.iter().map(|share| 100.0 * share).collect();
    Mark { series, shape: Shape::Steps { edges: edges.to_vec(), heights } }
}

fn usable(histogram: &Histogram) -> bool {
    let width = histogram.high - histogram.low;
    width.is_finite() && width >= 0.0 && histogram.counts.iter().any(|count| *count > 0)
}

/// Which part of the bin lies in `cell`. A bin without width lies whole in the cell that holds it
/// (its right end excluded, so in one only). Less than a millionth is what rounding leaves of edges
/// that are the same, and would show on a logarithmic axis.
fn overlap((low, high): (f64, f64), cell: (f64, f64)) -> f64 {
    if high > low {
        let part = (high.min(cell.1) - low.max(cell.0)) / (high - low);
        if part > 1e-6 { part } else { 0.0 }
    } else {
        f64::from(u8::from(cell.0 <= low && low < cell.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(low: f64, high: f64, counts: &[u64]) -> Histogram {
        Histogram { low, high, counts: counts.to_vec() }
    }

    #[test]
    fn counts_are_shared_out_by_overlap() {
        // 8 in [0, 2), 4 in [2, 4]; and 4 in [1, 2]: over the cells [0, 1), [1, 2), [2, 3), [3, 4].
        let both = [histogram(0.0, 4.0, &[8, 4]), histogram(1.0, 2.0, &[4])];
        let edges = grid(&both, 4).unwrap();
        assert_eq!(edges, [0.0, 1.0, 2.0, 3.0, 4.0]);
        let expected = [4.0 / 16.0, 8.0 / 16.0, 2.0 / 16.0, 2.0 / 16.0];
        assert_eq!(pooled(&both, &edges).unwrap(), expected);
    }

    #[test]
    fn the_same_bins_give_the_same_shares() {
        let counts: Vec<u64> = (0..20).map(|bin| bin % 2).collect();
        let one = histogram(0.0, 1.0, &counts);
        let edges = grid([&one], 20).unwrap();
        for (share, count) in pooled([&one], &edges).unwrap().iter().zip(&counts) {
            assert_eq!(*share == 0.0, *count == 0);
        }
    }

    #[test]
    fn what_cannot_be_placed_is_left_out() {
        let infinite = histogram(f64::NEG_INFINITY, 1.0, &[1, 1]);
        let not = histogram(f64::NAN, f64::NAN, &[3]);
        assert_eq!(grid([&infinite, &not, &histogram(0.0, 1.0, &[0])], 4), None);
        let point = histogram(2.0, 2.0, &[5]);
        let edges = grid([&point, &infinite], 3).unwrap();
        let shares = pooled([&point, &infinite], &edges).unwrap();
        assert_eq!(shares, [0.0, 1.0, 0.0]);
    }

    proptest! {
        #[test]
        fn no_example_is_lost(
            low in -50.0..50.0f64, width in 0.1..90.0f64,
            counts in prop::collection::vec(0u64..40, 1..20), others in 1u64..9,
        ) {
            let both = [histogram(low, low + width, &counts), histogram(0.0, 3.0, &[others, 0])];
            let edges = grid(&both, 37).unwrap();
            let sum: f64 = pooled(&both, &edges).unwrap().iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        }
    }
}
