//! Soft targets of few classes: the same, sixteen rows side by side.

use super::{Class, Factors, Sums, Top};
use crate::curve::{Curve, Part, Visit};
use crate::element::Element;
use crate::error::Result;
use crate::odds::Odds;
use crate::real::Real;
use crate::rows::lanes::LANES;
use crate::rows::softmax::narrow::{self, Column, NARROW};
use crate::rows::softmax::{self, LabelOdds, Labels, OtherClasses};
use crate::rows::{Buffers, Plan, ROWS, Scratch, Tile, bad_logit};

/// Adds up a curve's parts for all classes of sixteen rows but each one's likeliest.
struct Classes<'a, R> {
    exponentials: &'a [Column<R>],
    logits: &'a [Column<R>],
    /// Target of each class, 0 for the likeliest.
    targets: &'a [Column<R>],
    /// t_k·w_k, added to.
    weights: &'a mut [Column<R>],
    /// What turns exponentials into probabilities.
    factor: Column<R>,
    /// Logit and ln p of the likeliest class.
    top: Column<R>,
    ln_top: Column<R>,
    /// Σ p_k², where the curve looks at it.
    squares: Column<R>,
    /// Σ t_k·ℓ(p_k).
    value: Column<R>,
    /// Σ t_k·w_k.
    total: Column<R>,
}

impl<R: Real> Visit<R> for Classes<'_, R> {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<R>) {
        let classes = self.exponentials.iter().zip(self.logits).zip(self.targets);
        for (((e, z), t), w) in classes.zip(&mut *self.weights) {
            for lane in 0..LANES {
                let ln_p = (z[lane] - self.top[lane]) + self.ln_top[lane];
                let p = e[lane] * self.factor[lane];
                let (odds, inverse_q) = Odds::of_minor::<FMA, false>(p, ln_p);
                let (value, steepness) = part.in_row::<FMA>(&odds, self.squares[lane]);
                let weight = t[lane] * steepness * inverse_q;
                // 0·∞ where a masked class has no target either.
                let value = if t[lane] == R::ZERO { R::ZERO } else { t[lane] * value };
                self.value[lane] += value;
                self.total[lane] += weight;
                w[lane] += weight;
            }
        }
    }
}

#[inline(always)]
pub(super) fn tile<E: Element, const FMA: bool>(
    curve: &Curve,
    plan: &Plan<'_, E>,
    mut tile: Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
) -> Result<()> {
    let (classes, rows) = (plan.classes, tile.rows.len());
    let size = rows.next_multiple_of(LANES) * classes;
    let Scratch { exponentials, logits, targets, weights, .. } = scratch;
    for buffer in [&mut *exponentials, &mut *logits, &mut *targets, &mut *weights] {
        buffer.resize(size, E::Real::ZERO);
    }
    weights[..size].fill(E::Real::ZERO);
    let exponentials = &mut narrow::columns(exponentials)[..size / LANES];
    let logits = &mut narrow::columns(logits)[..size / LANES];
    let targets = &mut narrow::columns(targets)[..size / LANES];
    let weights = &mut narrow::columns(weights)[..size / LANES];

    let mut labels = [None; ROWS];
    let (mut tops, mut top_logits, mut top_targets) = ([0; ROWS], [0.0; ROWS], [0.0; ROWS]);
    let mut others = [OtherClasses::NONE; ROWS];
    let groups = exponentials.chunks_exact_mut(classes).zip(logits.chunks_exact_mut(classes));
    let groups = groups.zip(targets.chunks_exact_mut(classes)).enumerate();
    for (group, ((e, z), t)) in groups.take(ROWS / LANES) {
        let first = group * LANES;
        for lane in 0..LANES {
            let row = first + lane;
            let mut one = [E::Real::ZERO; NARROW];
            if row < rows {
                labels[row] = plan.weighted_targets(tile.first_row + row, &mut one[..classes])?;
            }
            narrow::set(t, lane, one);
        }
        narrow::load(plan, &tile, first, |row| labels[row].is_some(), z);
        let top = narrow::first_at(z, &narrow::maxima(z));
        e.copy_from_slice(z);
        for (lane, top) in top.into_iter().enumerate() {
            let (row, top) = (first + lane, top as usize);
            tops[row] = top;
            top_logits[row] = std::mem::replace(&mut e[top][lane], E::Real::NEG_INFINITY).to_f64();
            top_targets[row] = std::mem::replace(&mut t[top][lane], E::Real::ZERO).to_f64();
        }
        let found = narrow::exponentials::<E::Real, FMA>(e, &narrow::maxima(e));
        others[first..first + LANES].copy_from_slice(&found);
    }
    let odds = LabelOdds::of::<FMA>(rows, &top_logits, &others);
    let mut squares = [0.0; ROWS];
    if curve.needs_squares() {
        let groups = exponentials.chunks_exact(classes).zip(others.chunks(LANES));
        for ((e, others), squares) in groups.zip(squares.chunks_mut(LANES)) {
            squares.copy_from_slice(&narrow::squares_of_others(e, others));
        }
        squares = std::array::from_fn(|row| softmax::squares(&odds.get(row), squares[row]));
    }
    let mut of_tops = Labels::new(rows, &odds, &squares);
    curve.visit::<f64, FMA>(&mut of_tops);

    let groups = exponentials.chunks_exact_mut(classes).zip(logits.chunks_exact(classes));
    let groups = groups.zip(targets.chunks_exact(classes)).zip(weights.chunks_exact_mut(classes));
    for (group, (((e, z), t), w)) in groups.enumerate().take(ROWS / LANES) {
        let first = group * LANES;
        let column = |of: &dyn Fn(usize) -> f64| -> Column<E::Real> {
            std::array::from_fn(|lane| E::Real::of(of(first + lane)))
        };
        let share = |row: usize| others[row].share(others[row].max);
        let mut sums = Classes {
            exponentials: e,
            logits: z,
            targets: t,
            weights: w,
            factor: column(&|row| odds.get(row).q * share(row)),
            top: column(&|row| top_logits[row]),
            ln_top: column(&|row| odds.get(row).ln_p),
            squares: column(&|row| squares[row]),
            value: [E::Real::ZERO; LANES],
            total: [E::Real::ZERO; LANES],
        };
        curve.visit::<E::Real, FMA>(&mut sums);
        let (values, totals) = (sums.value, sums.total);
        let mut factors = [Factors::default(); LANES];
        for row in first..(first + LANES).min(rows) {
            let Some(label) = labels[row] else { continue };
            let (lane, odds, top_logit) = (row - first, odds.get(row), top_logits[row]);
            if odds.log_odds.is_nan() || top_logit == f64::INFINITY {
                let logits = &tile.buffers.logits()[row * classes..(row + 1) * classes];
                return Err(bad_logit(tile.first_row + row, logits));
            }
            let (value, steepness) = (of_tops.values[row], of_tops.steepness[row]);
            let sums = Sums {
                label,
                label_logit: z[label][lane].to_f64(),
                top: tops[row],
                top_logit,
                top_target: top_targets[row],
                odds,
                others: others[row],
                of_the_top: Top { odds, squares: squares[row], value, steepness },
                value: values[lane].to_f64(),
                total: totals[lane].to_f64(),
            };
            factors[lane] = sums.conclude::<E, FMA>(plan, &mut tile, row, |k| Class {
                share: e[k][lane].to_f64() * share(row),
                target: t[k][lane].to_f64(),
                weight: w[k][lane].to_f64(),
            });
        }
        if matches!(tile.buffers, Buffers::Forward(_)) {
            continue;
        }
        let factor = column(&|row| factors[row - first].of_others * share(row));
        let scale = column(&|row| factors[row - first].scale);
        for (e, w) in e.iter_mut().zip(&*w) {
            for lane in 0..LANES {
                e[lane] = e[lane] * factor[lane] - w[lane] * scale[lane];
            }
        }
        for (lane, factors) in factors.iter().enumerate() {
            e[tops[first + lane]][lane] = E::Real::of(factors.of_top);
        }
        narrow::write(plan, &mut tile, first, e);
    }
    for row in (0..rows).filter(|row| labels[*row].is_none()) {
        tile.ignore(row, classes);
    }
    Ok(())
}
