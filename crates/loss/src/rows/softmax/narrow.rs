//! Rows of at most sixteen classes, sixteen side by side: vector k holds class k of each, so that a maximum and a
//! sum over classes are made of whole vectors. Reducing a vector to one number costs more than the
//! arithmetic of a row of ten classes.

use super::OtherClasses;
use crate::element::Element;
use crate::real::Real;
use crate::rows::lanes::LANES;
use crate::rows::{Plan, Tile};

/// Most classes that a row is narrow with.
pub(super) const NARROW: usize = 16;

/// Class k of each of [`LANES`] rows.
pub(super) type Column<R> = [R; LANES];

/// Sixteen rows as columns, one a class.
pub(super) fn columns<R: Real>(scratch: &mut [R]) -> &mut [Column<R>] {
    scratch.as_chunks_mut().0
}

/// Loads the adjusted logits of a tile's rows from `first` on; rows that are not there are 0.
#[inline(always)]
pub(super) fn load<E: Element>(
    plan: &Plan<'_, E>,
    tile: &Tile<'_, E>,
    first: usize,
    wanted: impl Fn(usize) -> bool,
    into: &mut [Column<E::Real>],
) {
    let classes = plan.classes;
    for lane in 0..LANES {
        let row = first + lane;
        let mut one = [E::Real::ZERO; NARROW];
        if row < tile.rows.len() && wanted(row) {
            let logits = &tile.buffers.logits()[row * classes..(row + 1) * classes];
            plan.adjusted.load(0, logits, &mut one[..classes]);
        }
        set(into, lane, one);
    }
}

/// Sets the classes of one row.
#[inline(always)]
pub(super) fn set<R: Real>(into: &mut [Column<R>], lane: usize, row: [R; NARROW]) {
    for (column, z) in into.iter_mut().zip(row) {
        column[lane] = z;
    }
}

/// The largest of each row.
#[inline(always)]
pub(super) fn maxima<R: Real>(columns: &[Column<R>]) -> Column<R> {
    let mut maxima = [R::NEG_INFINITY; LANES];
    for column in columns {
        for lane in 0..LANES {
            maxima[lane] = column[lane].larger(maxima[lane]);
        }
    }
    maxima
}

/// The first class with its row's largest logit; class 0 where there is none.
#[inline(always)]
pub(super) fn first_at<R: Real>(columns: &[Column<R>], maxima: &Column<R>) -> [u32; LANES] {
    let mut first = [0; LANES];
    for (class, column) in columns.iter().enumerate().rev() {
        for lane in 0..LANES {
            first[lane] = if column[lane] == maxima[lane] { class as u32 } else { first[lane] };
        }
    }
    first
}

/// Replaces logits by exp(z − max) and says what they come to.
#[inline(always)]
pub(super) fn exponentials<R: Real, const FMA: bool>(
    columns: &mut [Column<R>],
    maxima: &Column<R>,
) -> [OtherClasses; LANES] {
    // As for wide rows, −∞ − 0 instead of −∞ − −∞.
    let finite = maxima.map(|max| if max == R::NEG_INFINITY { R::ZERO } else { max });
    let mut sums = [R::ZERO; LANES];
    for column in columns {
        for lane in 0..LANES {
            column[lane] = R::exp_difference::<FMA>(column[lane], finite[lane]);
            sums[lane] += column[lane];
        }
    }
    std::array::from_fn(|lane| OtherClasses {
        max: maxima[lane].to_f64(),
        sum: sums[lane].to_f64(),
    })
}

/// Σ o_j² of each row from the exponentials of the others.
#[inline(always)]
pub(super) fn squares_of_others<R: Real>(
    columns: &[Column<R>],
    others: &[OtherClasses],
) -> [f64; LANES] {
    let mut sums = [R::ZERO; LANES];
    for column in columns {
        for lane in 0..LANES {
            sums[lane] += column[lane] * column[lane];
        }
    }
    std::array::from_fn(|lane| others[lane].share(others[lane].max).powi(2) * sums[lane].to_f64())
}

/// Writes the gradient of a tile's rows from `first` on, as far as there are any.
#[inline(always)]
pub(super) fn write<E: Element>(
    plan: &Plan<'_, E>,
    tile: &mut Tile<'_, E>,
    first: usize,
    gradient: &[Column<E::Real>],
) {
    let mut rows = [E::Real::ZERO; LANES * NARROW];
    let classes = plan.classes;
    for (class, column) in gradient.iter().enumerate() {
        for (row, g) in column.iter().enumerate() {
            rows[row * classes + class] = *g;
        }
    }
    let count = (tile.rows.len() - first).min(LANES);
    plan.write(tile, first * classes, &mut rows[..count * classes]);
}
