//! The kernel for soft targets t (label smoothing, mixup, distillation): the likeliest class a is
//! singled out, so that p_k ≤ 1/2 for all others and 1 − p_k is exact there. With
//! T = Σ_{j≠a} t_j·w_j,
//!
//! ```text
//! ∂L/∂z_k = o_k·(q·T + t_a·s_a) − t_k·w_k,        ∂L/∂z_a = p_a·T − t_a·s_a
//! ```

use super::{BLOCK, LabelOdds, Labels, Others, load};
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
            let (value, steepness) = part.at::<FMA>(&odds);
            let weight = *t * steepness * inverse_q;
            // 0·∞ where a masked class has no target either.
            *value_sum += if *t == R::ZERO { R::ZERO } else { *t * value };
            *total += weight;
            *w += weight;
        }
    }
}

/// The kernel for a weight of every class.
pub(in crate::rows) struct Soft(pub Curve);

impl Kernel for Soft {
    #[inline(always)]
    fn tile<E: Element, const FMA: bool>(
        &self,
        plan: &Plan<'_, E>,
        mut tile: Tile<'_, E>,
        scratch: &mut Scratch<E::Real>,
    ) -> Result<()> {
        let Self(curve) = self;
        plan.check_targets(&tile)?;
        let classes = plan.classes;
        let (padded, blocks) = plan.padded();
        for row in [
            &mut scratch.exponentials,
            &mut scratch.logits,
            &mut scratch.targets,
            &mut scratch.weights,
        ] {
            row.resize(padded, E::Real::ZERO);
        }
        scratch.block_maxima.resize(blocks, E::Real::ZERO);
        scratch.factors.resize(blocks, E::Real::ZERO);
        for row in 0..tile.rows.len() {
            let at = tile.first_row + row;
            let span = row * classes..(row + 1) * classes;
            let Some(label) = plan.label(at) else {
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
            let mut others = Others::NONE;
            for ((e, z), max) in exponentials.chunks_mut(BLOCK).zip(z.chunks(BLOCK)).zip(&*maxima) {
                e.copy_from_slice(z);
                others.add(max.to_f64(), super::exponentials::<E::Real, FMA>(e, *max));
            }
            z[top] = top_logit;
            let top_logit = top_logit.to_f64();
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
            curve.visit::<E::Real, FMA>(&mut sums);
            let (others_value, total) = (sums.value, sums.total);
            let (mut top_value, mut top_steepness) = ([0.0], [0.0]);
            let mut top_odds = LabelOdds::NONE;
            top_odds.set(0, odds);
            curve.visit::<f64, FMA>(&mut Labels {
                odds: &top_odds,
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
            // As a hard row's, whose class weight multiplies all of it.
            let all_targets =
                || top_target + scratch.targets.iter().map(|t| t.to_f64()).sum::<f64>();
            let z_loss = plan.z_loss * plan.class_weights.map_or(1.0, |_| all_targets());
            let z_term = 2.0 * z_loss * lse;
            let mut record = Row {
                loss: sample_weight * (value + z_loss * lse * lse),
                ..plan.describe(
                    &tile.buffers.logits()[span.clone()],
                    label,
                    label_logit,
                    largest_other,
                )
            };
            record.set_odds(&label_odds, lse);
            if plan.norms {
                let all_targets = all_targets();
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
            if matches!(tile.buffers, Buffers::Forward(_)) {
                continue;
            }
            for (block, max) in scratch.block_maxima.iter().enumerate() {
                let columns = block * BLOCK..((block + 1) * BLOCK).min(classes);
                let factor = E::Real::of(of_others * others.share(*max));
                let gradient = &mut scratch.exponentials[columns.clone()];
                for (e, weight) in gradient.iter_mut().zip(&scratch.weights[columns.clone()]) {
                    *e = *e * factor - *weight * scale;
                }
                if columns.contains(&top) {
                    gradient[top - columns.start] = of_top;
                }
                plan.write(&mut tile, span.start + columns.start, gradient);
            }
        }
        Ok(())
    }
}
