//! The kernel for hard labels: the label y is singled out. With s = w·q the steepness,
//!
//! ```text
//! ∂L/∂z_k = s·o_k,        ∂L/∂z_y = −s
//! ```

use super::narrow::{self, NARROW};
use super::{
    BLOCK, LabelOdds, Labels, OtherClasses, exponentials_in_place, load, squares_of_others,
};
use crate::curve::Curve;
use crate::element::Element;
use crate::error::Result;
use crate::real::Real;
use crate::rows::isa::Kernel;
use crate::rows::lanes::{LANES, maximum};
use crate::rows::{Buffers, Plan, ROWS, Row, Scratch, Tile, bad_logit};

/// The kernel for one label a row.
pub(in crate::rows) struct Hard(pub Curve);

/// A tile's rows on their way: what its pass over the logits found.
struct TileStatistics {
    labels: [Option<usize>; ROWS],
    label_logits: [f64; ROWS],
    others: [OtherClasses; ROWS],
}

impl Kernel for Hard {
    #[inline(always)]
    fn tile<E: Element, const FMA: bool>(
        &self,
        plan: &Plan<'_, E>,
        mut tile: Tile<'_, E>,
        scratch: &mut Scratch<E::Real>,
    ) -> Result<()> {
        let Self(curve) = self;
        let rows = tile.rows.len();
        let mut found = TileStatistics {
            labels: [None; ROWS],
            label_logits: [0.0; ROWS],
            others: [OtherClasses::NONE; ROWS],
        };
        for (row, label) in found.labels.iter_mut().enumerate().take(rows) {
            *label = plan.label(tile.first_row + row);
        }
        let narrow = plan.classes <= NARROW;
        match narrow {
            true => narrow_exponentials::<E, FMA>(plan, &tile, scratch, &mut found),
            false => wide_exponentials::<E, FMA>(plan, &tile, scratch, &mut found),
        }
        let odds = LabelOdds::of::<FMA>(rows, &found.label_logits, &found.others);
        let mut squares = [0.0; ROWS];
        if curve.needs_squares() {
            let of_others = match narrow {
                true => narrow_squares(plan, scratch, &found),
                false => wide_squares(plan, scratch, &found),
            };
            squares = std::array::from_fn(|row| super::squares(&odds.get(row), of_others[row]));
        }
        let mut sums = Labels::new(rows, &odds, &squares);
        curve.visit::<f64, FMA>(&mut sums);
        let (values, steepness) = (sums.values, sums.steepness);

        // What multiplies the others' softmax, and the label's gradient.
        let (mut of_others, mut of_label) = ([0.0; ROWS], [0.0; ROWS]);
        for row in 0..rows.min(ROWS) {
            let Some(label) = found.labels[row] else { continue };
            let (others, odds, s) = (found.others[row], odds.get(row), steepness[row]);
            let (at, logit) = (tile.first_row + row, found.label_logits[row]);
            let logits = &tile.buffers.logits()[row * plan.classes..(row + 1) * plan.classes];
            if odds.log_odds.is_nan() || logit == f64::INFINITY {
                return Err(bad_logit(at, logits));
            }
            let weight = plan.class_weight(label) * plan.sample_weight(at);
            let lse = others.log_sum_exp_with::<FMA>(logit, &odds);
            let mut record = Row {
                loss: weight * (values[row] + plan.z_loss * lse * lse),
                steepness: s,
                ce_steepness: odds.q,
                ..plan.describe(logits, label, logit, others.max)
            };
            record.set_odds(&odds, lse);
            tile.rows[row] = record;
            let scale = weight * plan.gradient_scale;
            let z_term = 2.0 * plan.z_loss * lse;
            of_others[row] = scale * (s + z_term * odds.q);
            of_label[row] = scale * (z_term * odds.p - s);
        }
        if !matches!(tile.buffers, Buffers::Forward(_)) {
            match narrow {
                true => narrow_gradient(plan, &mut tile, scratch, &found, &of_others, &of_label),
                false => wide_gradient(plan, &mut tile, scratch, &found, &of_others, &of_label),
            }
        }
        for row in (0..rows).filter(|row| found.labels[*row].is_none()) {
            tile.ignore(row, plan.classes);
        }
        Ok(())
    }
}

#[inline(always)]
fn wide_exponentials<E: Element, const FMA: bool>(
    plan: &Plan<'_, E>,
    tile: &Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
    found: &mut TileStatistics,
) {
    let (classes, rows) = (plan.classes, tile.rows.len());
    let (padded, blocks) = plan.padded();
    scratch.exponentials.resize(rows * padded, E::Real::NEG_INFINITY);
    scratch.block_maxima.resize(rows * blocks, E::Real::ZERO);
    // One block after the other, so that a long row is still in the first-level cache when its
    // exponentials are taken; and all short rows loaded before the first is read, since a wide load
    // waits for the narrow stores that it overlaps.
    for block in 0..blocks {
        let columns = block * BLOCK..((block + 1) * BLOCK).min(padded);
        for row in 0..rows {
            let Some(label) = found.labels[row] else { continue };
            let logits = &tile.buffers.logits()[row * classes..(row + 1) * classes];
            let into = &mut scratch.exponentials[row * padded..][columns.clone()];
            load(plan.adjusted, columns.start, logits, into);
            if columns.contains(&label) {
                let own = &mut into[label - columns.start];
                found.label_logits[row] = own.to_f64() - plan.adjusted.margin(label);
                *own = E::Real::NEG_INFINITY;
            }
        }
        for row in (0..rows).filter(|row| found.labels[*row].is_some()) {
            let into = &mut scratch.exponentials[row * padded..][columns.clone()];
            let max = maximum(into);
            let ahead = tile.ahead(plan, row * classes + columns.start);
            let sum = exponentials_in_place::<E::Real, FMA>(into, max, &ahead);
            scratch.block_maxima[row * blocks + block] = max;
            found.others[row].add(max.to_f64(), sum);
        }
    }
}

/// Σ o_j² of each row.
#[inline(always)]
fn wide_squares<E: Element>(
    plan: &Plan<'_, E>,
    scratch: &Scratch<E::Real>,
    found: &TileStatistics,
) -> [f64; ROWS] {
    let (padded, blocks) = plan.padded();
    std::array::from_fn(|row| match found.labels[row] {
        None => 0.0,
        Some(_) => squares_of_others(
            &scratch.exponentials[row * padded..(row + 1) * padded],
            &scratch.block_maxima[row * blocks..(row + 1) * blocks],
            &found.others[row],
        ),
    })
}

#[inline(always)]
fn wide_gradient<E: Element>(
    plan: &Plan<'_, E>,
    tile: &mut Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
    found: &TileStatistics,
    of_others: &[f64; ROWS],
    of_label: &[f64; ROWS],
) {
    let classes = plan.classes;
    let (padded, blocks) = plan.padded();
    for row in 0..tile.rows.len() {
        let Some(label) = found.labels[row] else { continue };
        let exponentials = &mut scratch.exponentials[row * padded..][..classes];
        let maxima = &scratch.block_maxima[row * blocks..(row + 1) * blocks];
        for (block, max) in maxima.iter().enumerate() {
            let columns = block * BLOCK..((block + 1) * BLOCK).min(classes);
            let factor = E::Real::of(of_others[row] * found.others[row].share(*max));
            let gradient = &mut exponentials[columns.clone()];
            gradient.iter_mut().for_each(|e| *e = *e * factor);
            if columns.contains(&label) {
                gradient[label - columns.start] = E::Real::of(of_label[row]);
            }
            plan.write(tile, row * classes + columns.start, gradient);
        }
    }
}

#[inline(always)]
fn narrow_exponentials<E: Element, const FMA: bool>(
    plan: &Plan<'_, E>,
    tile: &Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
    found: &mut TileStatistics,
) {
    let rows = tile.rows.len();
    scratch.exponentials.resize(rows.next_multiple_of(LANES) * plan.classes, E::Real::ZERO);
    let groups = narrow::columns(&mut scratch.exponentials).chunks_exact_mut(plan.classes);
    for (group, columns) in groups.enumerate().take(ROWS / LANES) {
        let first = group * LANES;
        narrow::load(plan, tile, first, |row| found.labels[row].is_some(), columns);
        for row in first..first + LANES {
            if let Some(label) = found.labels[row] {
                let own = &mut columns[label][row - first];
                found.label_logits[row] = own.to_f64() - plan.adjusted.margin(label);
                *own = E::Real::NEG_INFINITY;
            }
        }
        let maxima = narrow::maxima(columns);
        let others = narrow::exponentials::<E::Real, FMA>(columns, &maxima);
        found.others[first..first + LANES].copy_from_slice(&others);
    }
}

/// Σ o_j² of each row.
#[inline(always)]
fn narrow_squares<E: Element>(
    plan: &Plan<'_, E>,
    scratch: &mut Scratch<E::Real>,
    found: &TileStatistics,
) -> [f64; ROWS] {
    let mut squares = [0.0; ROWS];
    let groups = narrow::columns(&mut scratch.exponentials).chunks_exact(plan.classes);
    let others = found.others.chunks(LANES);
    for ((columns, others), squares) in groups.zip(others).zip(squares.chunks_mut(LANES)) {
        squares.copy_from_slice(&narrow::squares_of_others(columns, others));
    }
    squares
}

#[inline(always)]
fn narrow_gradient<E: Element>(
    plan: &Plan<'_, E>,
    tile: &mut Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
    found: &TileStatistics,
    of_others: &[f64; ROWS],
    of_label: &[f64; ROWS],
) {
    let groups = narrow::columns(&mut scratch.exponentials).chunks_exact_mut(plan.classes);
    for (group, columns) in groups.enumerate().take(ROWS / LANES) {
        let first = group * LANES;
        let factors: narrow::Column<E::Real> = std::array::from_fn(|lane| {
            let row = first + lane;
            E::Real::of(of_others[row] * found.others[row].share(found.others[row].max))
        });
        for column in &mut *columns {
            column.iter_mut().zip(factors).for_each(|(e, factor)| *e = *e * factor);
        }
        for row in first..first + LANES {
            if let Some(label) = found.labels[row] {
                columns[label][row - first] = E::Real::of(of_label[row]);
            }
        }
        narrow::write(plan, tile, first, columns);
    }
}
