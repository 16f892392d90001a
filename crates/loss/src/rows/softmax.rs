//! Curves of the softmax probability: the fused kernels.
//!
//! One class a row is singled out and its log-odds u computed from the *others*: with m their
//! largest logit and S = Σ exp(z_j − m), u = z − m − ln S, and the others' own softmax is
//! o_k = exp(z_k − m)/S, so p_k = q·o_k. Nothing is ever computed as 1 − p.
//!
//! The z-loss λ·lse² adds 2λ·lse·p_k to the gradient. Exponentials are taken block by block against
//! the block's own maximum, so a row is read once and its blocks rescaled when the gradient is
//! written.

mod hard;
mod soft;

pub(super) use hard::Hard;
pub(super) use soft::Soft;

use super::lanes::{LANES, total};
use super::{Adjusted, Plan, ROWS};
use crate::curve::{Part, Visit};
use crate::element::Element;
use crate::odds::Odds;
use crate::real::{Real, ln};

/// Elements whose exponentials share a maximum, and whose sum is taken in the computing type.
const BLOCK: usize = 1024;

/// What the others of the class that is singled out came to.
#[derive(Clone, Copy)]
struct Others {
    /// Their largest logit, or −∞ where there is none.
    max: f64,
    /// Σ exp(z − max).
    sum: f64,
}

impl Others {
    const NONE: Self = Self { max: f64::NEG_INFINITY, sum: 0.0 };

    fn log_sum_exp<const FMA: bool>(&self) -> f64 {
        self.max + ln::<FMA>(self.sum)
    }

    /// The log-sum-exp of all classes, given the one singled out.
    fn log_sum_exp_with<const FMA: bool>(&self, logit: f64, odds: &Odds) -> f64 {
        if odds.ln_p == f64::NEG_INFINITY { self.log_sum_exp::<FMA>() } else { logit - odds.ln_p }
    }

    /// Counts a block whose exponentials against its own maximum sum up to `sum`.
    #[inline(always)]
    fn add(&mut self, max: f64, sum: f64) {
        if sum == 0.0 {
            return;
        }
        if max > self.max {
            if self.sum != 0.0 {
                self.sum *= (self.max - max).exp();
            }
            self.max = max;
        }
        self.sum += if max == self.max { sum } else { sum * (max - self.max).exp() };
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
    total(lanes)
}

/// Loads a row's adjusted logits from the class `first` on and pads them with −∞.
#[inline(always)]
fn load<E: Element>(adjusted: &Adjusted, first: usize, row: &[E], into: &mut [E::Real]) {
    let count = into.len().min(row.len() - first);
    adjusted.load(first, &row[first..first + count], into);
    into[count..].fill(E::Real::NEG_INFINITY);
}

/// The odds of a tile's labels, each quantity by itself: loops over them are vectorised.
struct LabelOdds {
    log_odds: [f64; ROWS],
    p: [f64; ROWS],
    q: [f64; ROWS],
    ln_p: [f64; ROWS],
    ln_q: [f64; ROWS],
}

impl LabelOdds {
    const NONE: Self = Self {
        log_odds: [0.0; ROWS],
        p: [0.0; ROWS],
        q: [0.0; ROWS],
        ln_p: [0.0; ROWS],
        ln_q: [0.0; ROWS],
    };

    #[inline(always)]
    fn set(&mut self, row: usize, odds: Odds) {
        self.log_odds[row] = odds.log_odds;
        self.p[row] = odds.p;
        self.q[row] = odds.q;
        self.ln_p[row] = odds.ln_p;
        self.ln_q[row] = odds.ln_q;
    }

    #[inline(always)]
    fn get(&self, row: usize) -> Odds {
        Odds {
            log_odds: self.log_odds[row],
            p: self.p[row],
            q: self.q[row],
            ln_p: self.ln_p[row],
            ln_q: self.ln_q[row],
        }
    }
}

/// Adds up a curve's parts for the labels of a tile.
struct Labels<'a> {
    odds: &'a LabelOdds,
    values: &'a mut [f64],
    steepness: &'a mut [f64],
}

impl Visit<f64> for Labels<'_> {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<f64>) {
        let sums = self.values.iter_mut().zip(self.steepness.iter_mut());
        for (row, (value, steepness)) in sums.enumerate().take(ROWS) {
            let (v, s) = part.at::<FMA>(&self.odds.get(row));
            *value += v;
            *steepness += s;
        }
    }
}

impl<E: Element> Plan<'_, E> {
    /// A row's length with its padding, and its blocks.
    fn padded(&self) -> (usize, usize) {
        let padded = self.classes.next_multiple_of(LANES);
        (padded, padded.div_ceil(BLOCK))
    }
}
