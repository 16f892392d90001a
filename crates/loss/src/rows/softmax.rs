//! Curves of the softmax probability: the fused kernel.
//!
//! One class a row is singled out and its log-odds u computed from the *others*: with m their
//! largest logit and S = Σ exp(z_j − m), u = z − m − ln S, and the others' own softmax is
//! o_k = exp(z_k − m)/S, so p_k = q·o_k. Nothing is ever computed as 1 − p.
//!
//! *Hard labels*: the label y is the one. With s = w·q the steepness,
//!
//! ```text
//! ∂L/∂z_k = s·o_k,        ∂L/∂z_y = −s
//! ```
//!
//! *Soft targets* t (label smoothing, mixup, distillation): the likeliest class a is the one, so
//! that p_k ≤ 1/2 for all others and 1 − p_k is exact there. With T = Σ_{j≠a} t_j·w_j,
//!
//! ```text
//! ∂L/∂z_k = o_k·(q·T + t_a·s_a) − t_k·w_k,        ∂L/∂z_a = p_a·T − t_a·s_a
//! ```
//!
//! The z-loss λ·lse² adds 2λ·lse·p_k. Exponentials are taken block by block against the block's own
//! maximum, so a row is read once and its blocks rescaled when the gradient is written.

use super::{Adjusted, Plan, Row, Scratch, Tile, bad_logit};
use crate::curve::{Curve, Visit};
use crate::element::Element;
use crate::error::Result;
use crate::odds::Odds;
use crate::real::{Real, ln};

/// Accumulators a vector loop keeps apart; one 512-bit register of f32.
const LANES: usize = 16;
/// Elements whose exponentials share a maximum, and whose sum is taken in the computing type.
const BLOCK: usize = 1024;
/// Most rows of a tile.
const ROWS: usize = 64;

/// What the others of the class that is singled out came to.
#[derive(Clone, Copy, Default)]
struct Others {
    /// Their largest logit, or −∞ where there is none.
    max: f64,
    /// Σ exp(z − max).
    sum: f64,
}

impl Others {
    fn log_sum_exp<const FMA: bool>(&self) -> f64 {
        self.max + ln::<FMA>(self.sum)
    }

    /// The log-sum-exp of all classes, given the one singled out.
    fn log_sum_exp_with<const FMA: bool>(&self, logit: f64, odds: &Odds) -> f64 {
        if odds.ln_p == f64::NEG_INFINITY { self.log_sum_exp::<FMA>() } else { logit - odds.ln_p }
    }

    /// What exponentials taken against `block_max` are multiplied by to be the others' softmax.
    #[inline(always)]
    fn share<R: Real>(&self, block_max: R) -> f64 {
        if self.sum == 0.0 {
            return 0.0;
        }
        let block_max = block_max.to_f64();
        let scale = if block_max == self.max { 1.0 } else { (block_max - self.max).exp() };
        scale / self.sum
    }
}

#[inline(always)]
fn maximum<R: Real>(values: &[R]) -> R {
    let mut lanes = [R::NEG_INFINITY; LANES];
    for chunk in values.chunks_exact(LANES) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = value.larger(*lane);
        }
    }
    lanes.iter().fold(R::NEG_INFINITY, |max, lane| lane.larger(max))
}

/// Replaces `values` by exp(value − max) and returns their sum.
#[inline(always)]
fn exponentials<R: Real, const FMA: bool>(values: &mut [R], max: R) -> f64 {
    // −∞ − −∞ is not a number; −∞ − 0 gives the exponential 0 that is right.
    let max = if max == R::NEG_INFINITY { R::ZERO } else { max };
    let mut lanes = [R::ZERO; LANES];
    for chunk in values.chunks_exact_mut(LANES) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            let e = R::exp_difference::<FMA>(*value, max);
            *value = e;
            *lane += e;
        }
    }
    lanes.iter().map(|lane| lane.to_f64()).sum()
}

/// Turns a padded row of logits into exponentials, block by block, and sums them up.
#[inline(always)]
fn others<R: Real, const FMA: bool>(row: &mut [R], block_maxima: &mut [R]) -> Others {
    if let [max] = block_maxima {
        *max = maximum(row);
        let sum = exponentials::<R, FMA>(row, *max);
        return Others { max: max.to_f64(), sum };
    }
    let mut max = R::NEG_INFINITY;
    for (block, block_max) in row.chunks(BLOCK).zip(block_maxima.iter_mut()) {
        *block_max = maximum(block);
        max = block_max.larger(max);
    }
    let max = max.to_f64();
    let mut sum = 0.0;
    for (block, block_max) in row.chunks_mut(BLOCK).zip(block_maxima) {
        let block_sum = exponentials::<R, FMA>(block, *block_max);
        let block_max = block_max.to_f64();
        if block_sum != 0.0 {
            sum += block_sum * (block_max - max).exp();
        }
    }
    Others { max, sum }
}

#[inline(always)]
pub(super) fn tile<E: Element, const FMA: bool>(
    plan: &Plan<'_, E>,
    curve: &Curve,
    tile: Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
) -> Result<()> {
    let hard = matches!(plan.targets, super::Targets::Hard(_)) && plan.smoothing == 0.0;
    let padded = plan.classes.next_multiple_of(LANES);
    let blocks = padded.div_ceil(BLOCK);
    let rows = tile.rows.len();
    scratch.exponentials.resize(rows * padded, E::Real::NEG_INFINITY);
    scratch.block_maxima.resize(rows * blocks, E::Real::ZERO);
    if hard {
        hard_tile::<E, FMA>(plan, curve, tile, scratch, padded, blocks)
    } else {
        scratch.logits.resize(padded, E::Real::ZERO);
        scratch.targets.resize(padded, E::Real::ZERO);
        scratch.weights.resize(padded, E::Real::ZERO);
        soft_tile::<E, FMA>(plan, curve, tile, scratch, padded, blocks)
    }
}

/// Loads a row's adjusted logits and pads it with −∞.
#[inline(always)]
fn load<E: Element>(adjusted: &Adjusted, logits: &[E], into: &mut [E::Real]) {
    adjusted.load(0, logits, into);
    into[logits.len()..].fill(E::Real::NEG_INFINITY);
}

/// Adds up a curve's parts for the labels of a tile.
struct Labels<'a> {
    odds: &'a [Odds],
    values: &'a mut [f64],
    steepness: &'a mut [f64],
}

impl Visit<f64> for Labels<'_> {
    #[inline(always)]
    fn visit(&mut self, part: impl Fn(&Odds) -> (f64, f64)) {
        let sums = self.values.iter_mut().zip(self.steepness.iter_mut());
        for (odds, (value, steepness)) in self.odds.iter().zip(sums) {
            let (v, s) = part(odds);
            *value += v;
            *steepness += s;
        }
    }
}

#[inline(always)]
fn hard_tile<E: Element, const FMA: bool>(
    plan: &Plan<'_, E>,
    curve: &Curve,
    mut tile: Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
    padded: usize,
    blocks: usize,
) -> Result<()> {
    let classes = plan.classes;
    let rows = tile.rows.len();
    let mut labels = [None; ROWS];
    let mut found = [Others::default(); ROWS];
    let mut label_logits = [0.0; ROWS];
    let mut odds = [Odds::default(); ROWS];

    for row in 0..rows {
        let Some(label) = plan.label(tile.first_row + row) else { continue };
        labels[row] = Some(label);
        let logits = &tile.buffers.logits()[row * classes..(row + 1) * classes];
        let into = &mut scratch.exponentials[row * padded..(row + 1) * padded];
        load(plan.adjusted, logits, into);
        label_logits[row] = into[label].to_f64() - plan.adjusted.margin(label);
        into[label] = E::Real::NEG_INFINITY;
        let maxima = &mut scratch.block_maxima[row * blocks..(row + 1) * blocks];
        found[row] = others::<E::Real, FMA>(into, maxima);
    }
    for row in 0..rows {
        let log_odds = label_logits[row] - found[row].log_sum_exp::<FMA>();
        odds[row] = Odds::of::<FMA>(log_odds);
    }
    let (mut values, mut steepness) = ([0.0; ROWS], [0.0; ROWS]);
    curve.visit::<f64, FMA>(&mut Labels {
        odds: &odds[..rows],
        values: &mut values[..rows],
        steepness: &mut steepness[..rows],
    });

    for row in 0..rows {
        let at = tile.first_row + row;
        let span = row * classes..(row + 1) * classes;
        let Some(label) = labels[row] else {
            tile.rows[row] = Row { ignored: true, ..Row::default() };
            if let Some(gradient) = tile.buffers.gradient() {
                gradient[span].fill(E::default());
            }
            continue;
        };
        let (others, odds, s) = (found[row], odds[row], steepness[row]);
        if odds.log_odds.is_nan() || label_logits[row] == f64::INFINITY {
            return Err(bad_logit(at, &tile.buffers.logits()[span]));
        }
        let weight = plan.class_weight(label) * plan.sample_weight(at);
        let lse = others.log_sum_exp_with::<FMA>(label_logits[row], &odds);
        tile.rows[row] = Row {
            loss: weight * (values[row] + plan.z_loss * lse * lse),
            steepness: s,
            ce_steepness: odds.q,
            ..plan.describe(
                &tile.buffers.logits()[span.clone()],
                label,
                label_logits[row],
                others.max,
            )
        };
        tile.rows[row].set_odds(&odds, lse);
        let scale = weight * plan.gradient_scale;
        let z_term = 2.0 * plan.z_loss * lse;
        let of_others = scale * (s + z_term * odds.q);
        let of_label = E::Real::of(scale * (z_term * odds.p - s));
        let exponentials = &mut scratch.exponentials[row * padded..][..classes];
        let maxima = &scratch.block_maxima[row * blocks..(row + 1) * blocks];
        let factor = |max: &E::Real| E::Real::of(of_others * others.share(*max));
        if plan.adjusted.is_none() {
            let Some(gradient) = tile.buffers.gradient() else { continue };
            let gradient = &mut gradient[span];
            let blocks = gradient.chunks_mut(BLOCK).zip(exponentials.chunks(BLOCK));
            for ((to, from), max) in blocks.zip(maxima) {
                let factor = factor(max);
                for (to, from) in to.iter_mut().zip(from) {
                    *to = E::store(*from * factor);
                }
            }
            gradient[label] = E::store(of_label);
        } else {
            for (block, max) in exponentials.chunks_mut(BLOCK).zip(maxima) {
                let factor = factor(max);
                block.iter_mut().for_each(|e| *e = *e * factor);
            }
            exponentials[label] = of_label;
            plan.write_adjusted(&mut tile.buffers, span, exponentials);
        }
    }
    Ok(())
}

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
    /// Σ t_k·ℓ(p_k).
    value: f64,
    /// Σ t_k·w_k.
    total: f64,
}

/// The visitor, for one instruction set.
struct OnIsa<'v, 'a, R, const FMA: bool>(&'v mut Classes<'a, R>);

impl<R: Real, const FMA: bool> Visit<R> for OnIsa<'_, '_, R, FMA> {
    #[inline(always)]
    fn visit(&mut self, part: impl Fn(&Odds<R>) -> (R, R)) {
        let row = &mut *self.0;
        let (top, ln_top) = (row.top, row.ln_top);
        for (block, &factor) in row.factors.iter().enumerate() {
            let span = block * BLOCK..((block + 1) * BLOCK).min(row.logits.len());
            let (mut values, mut totals) = ([R::ZERO; LANES], [R::ZERO; LANES]);
            let chunks = row.exponentials[span.clone()]
                .chunks_exact(LANES)
                .zip(row.logits[span.clone()].chunks_exact(LANES))
                .zip(row.targets[span.clone()].chunks_exact(LANES))
                .zip(row.weights[span].chunks_exact_mut(LANES));
            for (((e, z), t), w) in chunks {
                for lane in 0..LANES {
                    let ln_p = (z[lane] - top) + ln_top;
                    let odds = Odds::of_minor::<FMA>(e[lane] * factor, ln_p);
                    let (value, steepness) = part(&odds);
                    let target = t[lane];
                    // 0·∞ where a masked class has no target either.
                    let value = if target == R::ZERO { R::ZERO } else { target * value };
                    let weight = target * steepness / odds.q;
                    w[lane] += weight;
                    values[lane] += value;
                    totals[lane] += weight;
                }
            }
            row.value += values.iter().map(|v| v.to_f64()).sum::<f64>();
            row.total += totals.iter().map(|v| v.to_f64()).sum::<f64>();
        }
    }
}

#[inline(always)]
fn soft_tile<E: Element, const FMA: bool>(
    plan: &Plan<'_, E>,
    curve: &Curve,
    mut tile: Tile<'_, E>,
    scratch: &mut Scratch<E::Real>,
    padded: usize,
    blocks: usize,
) -> Result<()> {
    let classes = plan.classes;
    scratch.factors.resize(blocks, E::Real::ZERO);
    for row in 0..tile.rows.len() {
        let at = tile.first_row + row;
        let span = row * classes..(row + 1) * classes;
        let Some(label) = plan.label(at) else {
            tile.rows[row] = Row { ignored: true, ..Row::default() };
            if let Some(gradient) = tile.buffers.gradient() {
                gradient[span].fill(E::default());
            }
            continue;
        };
        let logits = &tile.buffers.logits()[span.clone()];
        let z = &mut scratch.logits[..padded];
        load(plan.adjusted, logits, z);
        let largest = maximum(z);
        let top = z.iter().position(|z| *z == largest).unwrap_or(0);
        let exponentials = &mut scratch.exponentials[..padded];
        exponentials.copy_from_slice(z);
        exponentials[top] = E::Real::NEG_INFINITY;
        let maxima = &mut scratch.block_maxima[..blocks];
        let others = others::<E::Real, FMA>(exponentials, maxima);
        let top_logit = z[top].to_f64();
        let odds = Odds::of::<FMA>(top_logit - others.log_sum_exp::<FMA>());
        if odds.log_odds.is_nan() || top_logit == f64::INFINITY {
            return Err(bad_logit(at, logits));
        }
        let targets = &mut scratch.targets[..padded];
        plan.targets(at, &mut targets[..classes]);
        if let Some(weights) = plan.class_weights {
            for (target, weight) in targets.iter_mut().zip(weights) {
                *target = *target * E::Real::of(*weight);
            }
        }
        targets[classes..].fill(E::Real::ZERO);
        let all_targets: f64 = targets.iter().map(|t| t.to_f64()).sum();
        // As a hard row's, whose class weight multiplies all of it.
        let z_loss = plan.z_loss * plan.class_weights.map_or(1.0, |_| all_targets);
        let top_target = std::mem::replace(&mut targets[top], E::Real::ZERO).to_f64();
        let factors = &mut scratch.factors[..blocks];
        for (factor, max) in factors.iter_mut().zip(&*maxima) {
            *factor = E::Real::of(odds.q * others.share(*max));
        }
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
            value: 0.0,
            total: 0.0,
        };
        curve.visit::<E::Real, FMA>(&mut OnIsa::<_, FMA>(&mut sums));
        let (others_value, total) = (sums.value, sums.total);
        let (mut top_value, mut top_steepness) = ([0.0], [0.0]);
        curve.visit::<f64, FMA>(&mut Labels {
            odds: &[odds],
            values: &mut top_value,
            steepness: &mut top_steepness,
        });
        let value = match top_target {
            0.0 => others_value,
            t => others_value + t * top_value[0],
        };

        let lse = others.log_sum_exp_with::<FMA>(top_logit, &odds);
        let label_logit = scratch.logits[label].to_f64();
        let (label_odds, largest_other) = if label == top {
            (odds, others.max)
        } else {
            let p = (label_logit - top_logit + odds.ln_p).exp();
            let log_odds = label_logit - top_logit + odds.ln_p - (-p).ln_1p();
            (Odds::of::<FMA>(log_odds), top_logit)
        };
        let sample_weight = plan.sample_weight(at);
        let top_pull = top_target * top_steepness[0];
        let z_term = 2.0 * z_loss * lse;
        let mut record = Row {
            loss: sample_weight * (value + z_loss * lse * lse),
            ..plan.describe(&tile.buffers.logits()[span.clone()], label, label_logit, largest_other)
        };
        record.set_odds(&label_odds, lse);
        if plan.norms {
            let (p, weights) = (&scratch.exponentials, &scratch.weights);
            let top_norm = (odds.p * total - top_pull).abs();
            let ce_top_norm = (odds.p * all_targets - top_target).abs();
            let (mut norm, mut ce_norm) = (top_norm, ce_top_norm);
            for k in (0..classes).filter(|k| *k != top) {
                let share = others.share(scratch.block_maxima[k / BLOCK]);
                let o = p[k].to_f64() * share;
                norm += (o * (odds.q * total + top_pull) - weights[k].to_f64()).abs();
                ce_norm += (o * odds.q * all_targets - scratch.targets[k].to_f64()).abs();
            }
            (record.steepness, record.ce_steepness) = (norm / 2.0, ce_norm / 2.0);
        }
        tile.rows[row] = record;

        let scale = sample_weight * plan.gradient_scale;
        let of_others = scale * (odds.q * (total + z_term) + top_pull);
        let of_top = E::Real::of(scale * (odds.p * (total + z_term) - top_pull));
        let scale = E::Real::of(scale);
        let exponentials = &mut scratch.exponentials[..classes];
        let blocks = exponentials.chunks_mut(BLOCK).zip(scratch.weights.chunks(BLOCK));
        for ((es, weights), max) in blocks.zip(&scratch.block_maxima) {
            let factor = E::Real::of(of_others * others.share(*max));
            for (e, weight) in es.iter_mut().zip(weights) {
                *e = *e * factor - *weight * scale;
            }
        }
        exponentials[top] = of_top;
        plan.write_adjusted(&mut tile.buffers, span, exponentials);
    }
    Ok(())
}
