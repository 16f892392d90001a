//! The kernel for soft targets t (label smoothing, mixup, distillation): the likeliest class a is
//! singled out, so that p_k ≤ 1/2 for all others and 1 − p_k is exact there. With
//! T = Σ_{j≠a} t_j·w_j,
//!
//! ```text
//! ∂L/∂z_k = o_k·(q·T + t_a·s_a) − t_k·w_k,        ∂L/∂z_a = p_a·T − t_a·s_a
//! ```

mod narrow;

use super::narrow::NARROW;
use super::{BLOCK, OtherClasses, load, squares_of_others};
use crate::curve::{Curve, Part, Visit};
use crate::element::Element;
use crate::error::Result;
use crate::odds::Odds;
use crate::real::Real;
use crate::rows::isa::Kernel;
use crate::rows::lanes::{LANES, maximum, position, total};
use crate::rows::{Buffers, Plan, Row, Scratch, Tile, bad_logit};
use std::ops::Range;

/// Classes that take the same way through a curve.
const GROUP: usize = 4 * LANES;

/// Adds up a curve's parts for all classes of a row but the likeliest.
struct Classes<'a, R> {
    exponentials: &'a [R],
    logits: &'a [R],
    /// Target of each class, 0 for the likeliest and the padding.
    targets: &'a [R],
    /// t_k·w_k, added to.
    weights: &'a mut [R],
    /// For each block, what turns its exponentials into probabilities.
    factors: &'a [R],
    /// Logit and ln p of the likeliest class.
    top: R,
    ln_top: R,
    /// Σ p_k², where the curve looks at it.
    squares: R,
    /// Σ t_k·ℓ(p_k).
    value: f64,
    /// Σ t_k·w_k.
    total: f64,
}

impl<R: Real> Visit<R> for Classes<'_, R> {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<R>) {
        for (block, &factor) in self.factors.iter().enumerate() {
            let span = block * BLOCK..((block + 1) * BLOCK).min(self.logits.len());
            let mut sums = [[R::ZERO; GROUP]; 2];
            for start in span.clone().step_by(GROUP) {
                let group = start..(start + GROUP).min(span.end);
                let p = self.exponentials[group.clone()].iter().map(|e| *e * factor);
                // Among many classes nearly all groups are without a probability worth a division.
                match p.fold(true, |all, p| all & (p <= R::SMALL)) {
                    true => self.group::<FMA, true>(part, group, factor, &mut sums),
                    false => self.group::<FMA, false>(part, group, factor, &mut sums),
                }
            }
            self.value += total(sums[0]);
            self.total += total(sums[1]);
        }
    }
}

impl<R: Real> Classes<'_, R> {
    #[inline(always)]
    fn group<const FMA: bool, const SMALL: bool>(
        &mut self,
        part: impl Part<R>,
        group: Range<usize>,
        factor: R,
        [values, totals]: &mut [[R; GROUP]; 2],
    ) {
        let (top, ln_top) = (self.top, self.ln_top);
        let classes = self.exponentials[group.clone()]
            .iter()
            .zip(&self.logits[group.clone()])
            .zip(&self.targets[group.clone()])
            .zip(&mut self.weights[group]);
        let sums = values.iter_mut().zip(totals);
        for ((((e, z), t), w), (value_sum, total)) in classes.zip(sums) {
            let ln_p = (*z - top) + ln_top;
            let (odds, inverse_q) = Odds::of_minor::<FMA, SMALL>(*e * factor, ln_p);
            let (value, steepness) = part.in_row::<FMA>(&odds, self.squares);
            let weight = *t * steepness * inverse_q;
            // 0·∞ where a masked class has no target either.
            *value_sum += if *t == R::ZERO { R::ZERO } else { *t * value };
            *total += weight;
            *w += weight;
        }
    }
}

/// Adds up a curve's parts for the likeliest class.
struct Top {
    odds: Odds,
    squares: f64,
    value: f64,
    steepness: f64,
}

impl Top {
    #[inline(always)]
    fn of<const FMA: bool>(curve: &Curve, odds: Odds, squares: f64) -> Self {
        let mut top = Self { odds, squares, value: 0.0, steepness: 0.0 };
        curve.visit::<f64, FMA>(&mut top);
        top
    }
}

impl Visit<f64> for Top {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<f64>) {
        let (value, steepness) = part.in_row::<FMA>(&self.odds, self.squares);
        self.value += value;
        self.steepness += steepness;
    }
}

/// The kernel for a weight of every class.
pub(in crate::rows) struct Soft(pub Curve);

impl Kernel for Soft {
    #[inline(always)]
    fn tile<E: Element, const FMA: bool>(
        &self,
        plan: &Plan<'_, E>,
        tile: Tile<'_, E>,
        scratch: &mut Scratch<E::Real>,
    ) -> Result<()> {
        match plan.classes <= NARROW {
            true => narrow::tile::<E, FMA>(&self.0, plan, tile, scratch),
            false => wide::<E, FMA>(&self.0, plan, tile, scratch),
        }
    }
}

/// What a row came to before its weights.
struct Sums {
    /// The class with the largest target, and its logit.
    label: usize,
    label_logit: f64,
    top: usize,
    top_logit: f64,
    /// The likeliest class's target, and its odds against the others.
    top_target: f64,
    odds: Odds,
    others: OtherClasses,
    /// The curve at the likeliest class.
    of_the_top: Top,
    /// Over all other classes: Σ t_k·ℓ(p_k), Σ t_k·w_k.
    value: f64,
    total: f64,
}

/// What a class other than the likeliest came to.
struct Class {
    /// Its share among them, o_k.
    share: f64,
    target: f64,
    /// t_k·w_k.
    weight: f64,
}

/// The gradient of a row: o_k·of_others − t_k·w_k·scale for the others, of_top for the likeliest.
#[derive(Clone, Copy, Default)]
struct Factors {
    of_others: f64,
    of_top: f64,
    scale: f64,
}

impl Sums {
    /// Records the row. Each class is looked at only where an option asks for its norms or weights.
    #[inline(always)]
    fn conclude<E: Element, const FMA: bool>(
        &self,
        plan: &Plan<'_, E>,
        tile: &mut Tile<'_, E>,
        row: usize,
        class: impl Fn(usize) -> Class,
    ) -> Factors {
        let Self { label, label_logit, top, top_logit, top_target, odds, others, total, .. } =
            *self;
        let value = match top_target {
            0.0 => self.value,
            t => self.value + t * self.of_the_top.value,
        };
        let at = tile.first_row + row;
        let lse = others.log_sum_exp_with::<FMA>(top_logit, &odds);
        let (label_odds, largest_other) = if label == top {
            (odds, others.max)
        } else {
            let p = (label_logit - top_logit + odds.ln_p).exp();
            let log_odds = label_logit - top_logit + odds.ln_p - (-p).ln_1p();
            (Odds::of::<FMA>(log_odds), top_logit)
        };
        let sample_weight = plan.sample_weight(at);
        let top_pull = top_target * self.of_the_top.steepness;
        let all_others = || (0..plan.classes).filter(|k| *k != top).map(&class);
        let all_targets = || top_target + all_others().map(|class| class.target).sum::<f64>();
        // As a hard row's, whose class weight multiplies all of it.
        let z_loss = match plan.class_weights {
            Some(_) if plan.z_loss != 0.0 => plan.z_loss * all_targets(),
            _ => plan.z_loss,
        };
        let z_term = 2.0 * z_loss * lse;
        let logits = &tile.buffers.logits()[row * plan.classes..(row + 1) * plan.classes];
        let mut record = Row {
            loss: sample_weight * (value + z_loss * lse * lse),
            ..plan.describe(logits, label, label_logit, largest_other)
        };
        record.set_odds(&label_odds, lse);
        if plan.norms {
            let all_targets = all_targets();
            let mut norm = (odds.p * total - top_pull).abs();
            let mut ce_norm = (odds.p * all_targets - top_target).abs();
            for Class { share, target, weight } in all_others() {
                norm += (share * (odds.q * total + top_pull) - weight).abs();
                ce_norm += (share * odds.q * all_targets - target).abs();
            }
            (record.steepness, record.ce_steepness) = (norm / 2.0, ce_norm / 2.0);
        }
        tile.rows[row] = record;
        let scale = sample_weight * plan.gradient_scale;
        Factors {
            of_others: scale * (odds.q * (total + z_term) + top_pull),
            of_top: scale * (odds.p * (total + z_term) - top_pull),
            scale,
        }
    }
}

/// Row after row, each in blocks of classes.
#[inline(always)]
fn wide<E: Element, const FMA: bool>(
    curve: &Curve,
    plan: &Plan<'_, E>,
    mut tile: Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
) -> Result<()> {
    let classes = plan.classes;
    let (padded, blocks) = plan.padded();
    for row in
        [&mut scratch.exponentials, &mut scratch.logits, &mut scratch.targets, &mut scratch.weights]
    {
        row.resize(padded, E::Real::ZERO);
    }
    scratch.block_maxima.resize(blocks, E::Real::ZERO);
    scratch.factors.resize(blocks, E::Real::ZERO);
    for row in 0..tile.rows.len() {
        let at = tile.first_row + row;
        let span = row * classes..(row + 1) * classes;
        let Some(label) = plan.weighted_targets(at, &mut scratch.targets)? else {
            tile.ignore(row, classes);
            continue;
        };
        let logits = &tile.buffers.logits()[span.clone()];
        let z = &mut scratch.logits[..padded];
        let maxima = &mut scratch.block_maxima[..blocks];
        for (block, (z, max)) in z.chunks_mut(BLOCK).zip(&mut *maxima).enumerate() {
            load(plan.adjusted, block * BLOCK, logits, z);
            *max = maximum(z);
        }
        let largest = maxima.iter().fold(E::Real::NEG_INFINITY, |max, block| block.larger(max));
        let top_block = maxima.iter().position(|max| *max == largest).unwrap_or(0);
        let first = top_block * BLOCK;
        let top = first + position(&z[first..], largest).unwrap_or(0);
        let top_logit = std::mem::replace(&mut z[top], E::Real::NEG_INFINITY);
        maxima[top_block] = maximum(&z[first..(first + BLOCK).min(padded)]);
        let exponentials = &mut scratch.exponentials[..padded];
        let mut others = OtherClasses::NONE;
        let pairs = exponentials.chunks_mut(BLOCK).zip(z.chunks(BLOCK)).zip(&*maxima);
        for (block, ((e, z), max)) in pairs.enumerate() {
            let chunks = z.as_chunks().0.iter().copied().zip(e.as_chunks_mut().0);
            let ahead = tile.ahead(plan, span.start + block * BLOCK);
            others.add(max.to_f64(), super::exponentials::<E::Real, FMA>(chunks, *max, &ahead));
        }
        z[top] = top_logit;
        let top_logit = top_logit.to_f64();
        let odds = Odds::of::<FMA>(top_logit - others.log_sum_exp::<FMA>());
        if odds.log_odds.is_nan() || top_logit == f64::INFINITY {
            return Err(bad_logit(at, logits));
        }
        let targets = &mut scratch.targets[..padded];
        let top_target = std::mem::replace(&mut targets[top], E::Real::ZERO).to_f64();
        let factors = &mut scratch.factors[..blocks];
        for (factor, max) in factors.iter_mut().zip(&*maxima) {
            *factor = E::Real::of(odds.q * others.share(*max));
        }
        let squares = match curve.needs_squares() {
            true => super::squares(&odds, squares_of_others(exponentials, maxima, &others)),
            false => 0.0,
        };
        let weights = &mut scratch.weights[..padded];
        weights.fill(E::Real::ZERO);
        let mut sums = Classes {
            exponentials,
            logits: z,
            targets,
            weights,
            factors,
            top: E::Real::of(top_logit),
            ln_top: E::Real::of(odds.ln_p),
            squares: E::Real::of(squares),
            value: 0.0,
            total: 0.0,
        };
        curve.visit::<E::Real, FMA>(&mut sums);
        let (value, total) = (sums.value, sums.total);
        let sums = Sums {
            label,
            label_logit: scratch.logits[label].to_f64(),
            top,
            top_logit,
            top_target,
            odds,
            others,
            of_the_top: Top::of::<FMA>(curve, odds, squares),
            value,
            total,
        };
        let Scratch { exponentials, weights, targets, block_maxima, .. } = &mut *scratch;
        let Factors { of_others, of_top, scale } =
            sums.conclude::<E, FMA>(plan, &mut tile, row, |k| Class {
                share: exponentials[k].to_f64() * others.share(block_maxima[k / BLOCK]),
                target: targets[k].to_f64(),
                weight: weights[k].to_f64(),
            });
        if matches!(tile.buffers, Buffers::Forward(_)) {
            continue;
        }
        let scale = E::Real::of(scale);
        for (block, max) in block_maxima.iter().enumerate() {
            let columns = block * BLOCK..((block + 1) * BLOCK).min(classes);
            let factor = E::Real::of(of_others * others.share(*max));
            let gradient = &mut exponentials[columns.clone()];
            for (e, weight) in gradient.iter_mut().zip(&weights[columns.clone()]) {
                *e = *e * factor - *weight * scale;
            }
            if columns.contains(&top) {
                gradient[top - columns.start] = E::Real::of(of_top);
            }
            plan.write(&mut tile, span.start + columns.start, gradient);
        }
    }
    Ok(())
}
