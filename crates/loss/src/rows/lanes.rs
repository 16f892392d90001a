//! Reductions of a row that the compiler vectorises.
//!
//! Sums and comparisons of floats are in order unless the loop itself keeps lanes apart; and a loop
//! that may end at any element is not vectorised at all.

use crate::element::Element;
use crate::real::Real;

/// Accumulators a vector loop keeps apart; one 512-bit register of f32.
pub(super) const LANES: usize = 16;

/// Joins the lanes by halves: a chain of all of them is most of what a short row would cost.
#[inline(always)]
pub(super) fn fold<T: Copy, const N: usize>(mut lanes: [T; N], join: impl Fn(T, T) -> T) -> T {
    let mut width = N / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Their sum.
#[inline(always)]
pub(super) fn total<R: Real, const N: usize>(lanes: [R; N]) -> f64 {
    fold(lanes.map(R::to_f64), |a, b| a + b)
}

#[inline(always)]
pub(super) fn maximum<R: Real>(values: &[R]) -> R {
    let mut lanes = [R::NEG_INFINITY; LANES];
    for chunk in values.chunks_exact(LANES) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = value.larger(*lane);
        }
    }
    largest(&lanes)
}

/// The largest of the lanes. Not inlined: a loop before it would be compiled into the pairs that the
/// joining begins with, instead of whole vectors.
#[inline(never)]
pub(super) fn largest<R: Real>(lanes: &[R; LANES]) -> R {
    fold(*lanes, R::larger)
}

/// The first place of the largest value; 0 where there is none.
#[inline(always)]
pub(super) fn first_largest<E: Element>(values: &[E]) -> usize {
    let mut best = (0, E::Real::NEG_INFINITY);
    let mut loaded = [E::Real::NEG_INFINITY; 8 * LANES];
    for (chunk, values) in values.chunks(8 * LANES).enumerate() {
        loaded[values.len()..].fill(E::Real::NEG_INFINITY);
        for (to, from) in loaded.iter_mut().zip(values) {
            *to = from.load();
        }
        let largest = maximum(&loaded);
        if largest > best.1 {
            best = (chunk, largest);
        }
    }
    let first = best.0 * 8 * LANES;
    let same = |v: &E| v.load() == best.1;
    first + values[first..].iter().position(same).unwrap_or(0)
}

/// The first place of `wanted`.
#[inline(always)]
pub(super) fn position<R: Real>(values: &[R], wanted: R) -> Option<usize> {
    // A loop that may end at any element is not vectorised; one over a whole chunk is.
    const CHUNK: usize = 8 * LANES;
    let found = |chunk: &[R]| chunk.iter().fold(false, |found, v| found | (*v == wanted));
    let chunk = values.chunks(CHUNK).position(found)?;
    let rest = &values[chunk * CHUNK..];
    rest.iter().position(|v| *v == wanted).map(|at| chunk * CHUNK + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_the_first() {
        let mut values: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.7).sin()).collect();
        for (at, again) in [(0, 5), (127, 128), (500, 999), (999, 999)] {
            (values[at], values[again]) = (2.0, 2.0);
            assert_eq!(position(&values, 2.0), Some(at));
            assert_eq!(first_largest(&values), at);
            (values[at], values[again]) = (0.0, 0.0);
        }
        assert_eq!(position(&values, 3.0), None);
        assert_eq!(first_largest::<f32>(&[]), 0);
        assert_eq!(first_largest(&[f32::NEG_INFINITY; 20]), 0);
    }

    #[test]
    fn lanes_are_joined() {
        let lanes: [f32; LANES] = std::array::from_fn(|i| i as f32);
        assert_eq!(total(lanes), 120.0);
        assert_eq!(fold(lanes, f32::max), 15.0);
        let row: Vec<f64> = (0..64).map(|i| f64::from((i * 37) % 64)).collect();
        assert_eq!(maximum(&row), 63.0);
    }
}
