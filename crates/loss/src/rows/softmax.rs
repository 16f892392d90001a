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
mod narrow;
mod soft;

pub(super) use hard::Hard;
pub(super) use soft::Soft;

use super::lanes::{LANES, total};
use super::stream::Prefetch;
use super::{Adjusted, Plan, ROWS};
use crate::curve::{Part, Visit};
use crate::element::Element;
use crate::odds::Odds;
use crate::real::{Real, ln};

/// Elements whose exponentials share a maximum, and whose sum is taken in the computing type.
const BLOCK: usize = 1024;

/// What the others of the class that is singled out came to.
#[derive(Clone, Copy)]
struct OtherClasses {
    /// Their largest logit, or −∞ where there is none.
    max: f64,
    /// Σ exp(z − max).
    sum: f64,
}

impl OtherClasses {
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
    fn share(&self, block_max: impl Real) -> f64 {
        if self.sum == 0.0 {
            return 0.0;
        }
        let block_max = block_max.to_f64();
        let scale = if block_max == self.max { 1.0 } else { (block_max - self.max).exp() };
        scale / self.sum
    }
}

/// Replaces `values` by exp(value − max) and returns their sum, as [`exponentials`] does.
#[inline(always)]
fn exponentials_in_place<R: Real, const FMA: bool>(
    values: &mut [R],
    max: R,
    ahead: &Prefetch,
) -> f64 {
    let chunks = values.as_chunks_mut().0.iter_mut();
    exponentials::<R, FMA>(chunks.map(|chunk| (*chunk, chunk)), max, ahead)
}

/// Turns logits into exp(z − max) and returns their sum; meanwhile `ahead` is fetched, for this is the
/// one loop whose arithmetic takes longer than its memory.
#[inline(always)]
fn exponentials<'a, R: Real, const FMA: bool>(
    chunks: impl Iterator<Item = ([R; LANES], &'a mut [R; LANES])>,
    max: R,
    ahead: &Prefetch,
) -> f64 {
    // −∞ − −∞ is not a number; −∞ − 0 gives the exponential 0 that is right.
    let max = if max == R::NEG_INFINITY { R::ZERO } else { max };
    let mut lanes = [R::ZERO; LANES];
    for (at, (logits, exponentials)) in chunks.enumerate() {
        ahead.fetch(at * LANES);
        for lane in 0..LANES {
            let e = R::exp_difference::<FMA>(logits[lane], max);
            exponentials[lane] = e;
            lanes[lane] += e;
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

/// Rows whose odds are computed side by side; one 512-bit register of f64.
const WIDTH: usize = 8;

/// The odds of a tile's labels, [`WIDTH`] at a time and each quantity by itself: loops over arrays
/// become vectors. (Over slices they do not, where a bounds check may end them.)
struct LabelOdds([Odds<[f64; WIDTH]>; ROWS / WIDTH]);

impl LabelOdds {
    /// Those of the first `rows` labels (and of a few more, which nobody reads), each from its logit
    /// and the others.
    #[inline(always)]
    fn of<const FMA: bool>(
        rows: usize,
        logits: &[f64; ROWS],
        others: &[OtherClasses; ROWS],
    ) -> Self {
        let mut all = Self([Odds::default(); ROWS / WIDTH]);
        let labels = logits.as_chunks::<WIDTH>().0.iter().zip(others.as_chunks::<WIDTH>().0);
        for (to, (logits, others)) in all.0.iter_mut().zip(labels).take(rows.div_ceil(WIDTH)) {
            for lane in 0..WIDTH {
                let odds = Odds::of::<FMA>(logits[lane] - others[lane].log_sum_exp::<FMA>());
                to.log_odds[lane] = odds.log_odds;
                to.p[lane] = odds.p;
                to.q[lane] = odds.q;
                to.ln_p[lane] = odds.ln_p;
                to.ln_q[lane] = odds.ln_q;
            }
        }
        all
    }

    #[inline(always)]
    fn get(&self, row: usize) -> Odds {
        lane(&self.0[row / WIDTH], row % WIDTH)
    }
}

#[inline(always)]
fn lane<R: Copy, const N: usize>(odds: &Odds<[R; N]>, lane: usize) -> Odds<R> {
    Odds {
        log_odds: odds.log_odds[lane],
        p: odds.p[lane],
        q: odds.q[lane],
        ln_p: odds.ln_p[lane],
        ln_q: odds.ln_q[lane],
    }
}

/// Σ_k p_k² of a row, from the softmax o of the others: p² + q²·Σ o_j².
fn squares(odds: &Odds, of_others: f64) -> f64 {
    odds.p * odds.p + odds.q * odds.q * of_others
}

/// Σ o_j² of a row from the exponentials of the others (0 for the class that is singled out and the
/// padding), block by block.
#[inline(always)]
fn squares_of_others<R: Real>(exponentials: &[R], maxima: &[R], others: &OtherClasses) -> f64 {
    let blocks = exponentials.chunks(BLOCK).zip(maxima);
    let of_block = |(block, max): (&[R], &R)| {
        let mut lanes = [R::ZERO; LANES];
        for chunk in block.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                lanes[lane] += chunk[lane] * chunk[lane];
            }
        }
        others.share(*max).powi(2) * total(lanes)
    };
    blocks.map(of_block).sum()
}

/// Adds up a curve's parts for the first labels of a tile.
struct Labels<'a> {
    rows: usize,
    odds: &'a LabelOdds,
    /// Σ p_k² of each row, where the curve looks at it.
    squares: &'a [f64; ROWS],
    values: [f64; ROWS],
    steepness: [f64; ROWS],
}

impl<'a> Labels<'a> {
    fn new(rows: usize, odds: &'a LabelOdds, squares: &'a [f64; ROWS]) -> Self {
        Self { rows, odds, squares, values: [0.0; ROWS], steepness: [0.0; ROWS] }
    }
}

impl Visit<f64> for Labels<'_> {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<f64>) {
        let values = self.values.as_chunks_mut::<WIDTH>().0.iter_mut();
        let sums = values.zip(self.steepness.as_chunks_mut::<WIDTH>().0);
        let rows = self.odds.0.iter().zip(self.squares.as_chunks::<WIDTH>().0);
        for ((odds, squares), (values, steepness)) in rows.zip(sums).take(self.rows.div_ceil(WIDTH))
        {
            for row in 0..WIDTH {
                let (v, s) = part.in_row::<FMA>(&lane(odds, row), squares[row]);
                values[row] += v;
                steepness[row] += s;
            }
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
