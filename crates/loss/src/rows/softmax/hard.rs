//! The kernel for hard labels: the label y is singled out. With s = w·q the steepness,
//!
//! ```text
//! ∂L/∂z_k = s·o_k,        ∂L/∂z_y = −s
//! ```

use super::{BLOCK, LabelOdds, Labels, Others, exponentials, load};
use crate::curve::Curve;
use crate::element::Element;
use crate::error::Result;
use crate::odds::Odds;
use crate::real::Real;
use crate::rows::isa::Kernel;
use crate::rows::lanes::maximum;
use crate::rows::{Buffers, Plan, ROWS, Row, Scratch, Tile, bad_logit};

/// The kernel for one label a row.
pub(in crate::rows) struct Hard(pub Curve);

impl Kernel for Hard {
    #[inline(always)]
    fn tile<E: Element, const FMA: bool>(
        &self,
        plan: &Plan<'_, E>,
        mut tile: Tile<'_, E>,
        scratch: &mut Scratch<E::Real>,
    ) -> Result<()> {
        let Self(curve) = self;
        let classes = plan.classes;
        let (padded, blocks) = plan.padded();
        let rows = tile.rows.len();
        scratch.exponentials.resize(rows * padded, E::Real::NEG_INFINITY);
        scratch.block_maxima.resize(rows * blocks, E::Real::ZERO);
        let mut labels = [None; ROWS];
        let mut found = [Others::NONE; ROWS];
        let mut label_logits = [0.0; ROWS];
        let mut odds = LabelOdds::NONE;

        for (row, label) in labels.iter_mut().enumerate().take(rows) {
            *label = plan.label(tile.first_row + row);
        }
        // One block after the other, so that a long row is still in the first-level cache when its
        // exponentials are taken; and all short rows loaded before the first is read, since a wide load
        // waits for the narrow stores that it overlaps.
        for block in 0..blocks {
            let columns = block * BLOCK..((block + 1) * BLOCK).min(padded);
            for row in 0..rows {
                let Some(label) = labels[row] else { continue };
                let logits = &tile.buffers.logits()[row * classes..(row + 1) * classes];
                let into = &mut scratch.exponentials[row * padded..][columns.clone()];
                load(plan.adjusted, columns.start, logits, into);
                if columns.contains(&label) {
                    let own = &mut into[label - columns.start];
                    label_logits[row] = own.to_f64() - plan.adjusted.margin(label);
                    *own = E::Real::NEG_INFINITY;
                }
            }
            for row in (0..rows).filter(|row| labels[*row].is_some()) {
                let into = &mut scratch.exponentials[row * padded..][columns.clone()];
                let max = maximum(into);
                let sum = exponentials::<E::Real, FMA>(into, max);
                scratch.block_maxima[row * blocks + block] = max;
                found[row].add(max.to_f64(), sum);
            }
        }
        for row in 0..rows {
            let log_odds = label_logits[row] - found[row].log_sum_exp::<FMA>();
            odds.set(row, Odds::of::<FMA>(log_odds));
        }
        let (mut values, mut steepness) = ([0.0; ROWS], [0.0; ROWS]);
        curve.visit::<f64, FMA>(&mut Labels {
            odds: &odds,
            values: &mut values[..rows],
            steepness: &mut steepness[..rows],
        });

        for row in 0..rows {
            let at = tile.first_row + row;
            let span = row * classes..(row + 1) * classes;
            let Some(label) = labels[row] else {
                tile.ignore(row, classes);
                continue;
            };
            let (others, odds, s) = (found[row], odds.get(row), steepness[row]);
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
            if matches!(tile.buffers, Buffers::Forward(_)) {
                continue;
            }
            for (block, max) in maxima.iter().enumerate() {
                let columns = block * BLOCK..((block + 1) * BLOCK).min(classes);
                let factor = E::Real::of(of_others * others.share(*max));
                let gradient = &mut exponentials[columns.clone()];
                gradient.iter_mut().for_each(|e| *e = *e * factor);
                if columns.contains(&label) {
                    gradient[label - columns.start] = of_label;
                }
                plan.write(&mut tile, span.start + columns.start, gradient);
            }
        }
        Ok(())
    }
}
