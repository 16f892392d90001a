//! Losses that are a mean over classes: one binary problem a class, squared and absolute errors of
//! probabilities, and the hinge.
//!
//! *Sigmoid* (docs/derivations.md §7): with p_t = σ(z) for the share t of an entry that is positive
//! and σ(−z) for the rest, a row is the mean over classes of t·ℓ(σ(z)) + (1−t)·ℓ(σ(−z)).
//!
//! *Errors* (docs/derivations.md §6): a row is the mean over classes of t·f(1−a) + (1−t)·f(a) with
//! f(x) = x² or x, plus the mirror bonus −ρ·(t·a^g + (1−t)·(1−a)^g); a is softmax or σ.
//!
//! *Hinge*: the mean over classes of max(0, margin − z_y + z_k), k ≠ y.
//!
//! *Class weights* multiply the whole row, by [`Plan::row_weight`]: of a mean over classes no column
//! is the label's alone.

use super::isa::Kernel;
use super::lanes::LANES;
use super::{Plan, Row, Scratch, Tile, bad_logit};
use crate::curve::{Base, Curve, Part, Visit};
use crate::element::Element;
use crate::error::Result;
use crate::loss::{Binary, Halt, Mirror, Objective, ProbabilityError};
use crate::odds::Odds;
use crate::real::Real;

/// The kernel of what is no curve of the softmax probability.
pub(super) struct Elementwise;

impl Kernel for Elementwise {
    #[inline(always)]
    fn tile<E: Element, const FMA: bool>(
        &self,
        plan: &Plan<'_, E>,
        mut tile: Tile<'_, E>,
        scratch: &mut Scratch<E::Real>,
    ) -> Result<()> {
        plan.validate_targets(&tile)?;
        let classes = plan.classes;
        let padded = classes.next_multiple_of(LANES);
        for vector in [&mut scratch.logits, &mut scratch.targets, &mut scratch.weights] {
            vector.resize(padded, E::Real::ZERO);
        }
        for row in 0..tile.rows.len() {
            let at = tile.first_row + row;
            let span = row * classes..(row + 1) * classes;
            let Some(label) = plan.label(at) else {
                tile.ignore(row, classes);
                continue;
            };
            let logits = &tile.buffers.logits()[span.clone()];
            let z = &mut scratch.logits;
            z.fill(E::Real::ZERO);
            plan.adjusted.load(0, logits, z);
            if z.iter().any(|z| !z.to_f64().is_finite()) {
                let infinite = logits.iter().position(|z| !z.wide().is_finite());
                return Err(match infinite.map(|column| (column, logits[column].wide())) {
                    Some((column, value)) => crate::Error::Logit { value, row: at, column },
                    None => bad_logit(at, logits),
                });
            }
            let targets = &mut scratch.targets;
            plan.targets(at, &mut targets[..classes]);
            let gradient = &mut scratch.weights;
            gradient.fill(E::Real::ZERO);
            let value = match &plan.objective {
                Objective::Sigmoid(binary) => {
                    targets[classes..].fill(E::Real::ZERO);
                    sigmoid::<E::Real, FMA>(binary, classes, z, targets, gradient)
                }
                Objective::Error(error) => errors(error, &z[..classes], targets, gradient),
                Objective::MultiMargin { margin } => hinge(*margin, label, &z[..classes], gradient),
                Objective::Softmax(_) => unreachable!("the softmax kernel has these"),
            };
            let weight = plan.row_weight(at);
            let label_logit = z[label].to_f64();
            let others = z[..classes].iter().enumerate().filter(|(class, _)| *class != label);
            let largest = others.fold(f64::NEG_INFINITY, |max, (_, z)| z.to_f64().max(max));
            let (log_odds, lse) = log_odds(plan, &z[..classes], label, largest);
            let mut record = Row {
                loss: weight * value,
                steepness: gradient[label].to_f64().abs(),
                ..plan.describe(&tile.buffers.logits()[span.clone()], label, label_logit, largest)
            };
            record.set_odds(&Odds::of::<FMA>(log_odds), lse);
            record.ce_steepness = 1.0 - record.p;
            tile.rows[row] = record;
            let scale = E::Real::of(weight * plan.gradient_scale);
            let gradient = &mut scratch.weights[..classes];
            gradient.iter_mut().for_each(|g| *g = *g * scale);
            plan.write(&mut tile, span.start, gradient);
        }
        Ok(())
    }
}

/// The label's log-odds under the loss's own link, and the row's log-sum-exp.
fn log_odds<E: Element>(
    plan: &Plan<'_, E>,
    z: &[E::Real],
    label: usize,
    largest_other: f64,
) -> (f64, f64) {
    let (mut others, own) = (0.0, z[label].to_f64());
    for (class, z) in z.iter().enumerate() {
        others += if class == label { 0.0 } else { (z.to_f64() - largest_other).exp() };
    }
    let others = largest_other + others.ln();
    let larger = own.max(others);
    let lse = larger + ((own - larger).exp() + (others - larger).exp()).ln();
    let sigmoid = match plan.objective {
        Objective::Sigmoid(_) => true,
        Objective::Error(error) => error.sigmoid,
        _ => false,
    };
    (if sigmoid { own } else { own - others }, lse)
}

/// Adds up one sign's entries: `sign` 1 for positives with targets t, −1 for the rest with 1 − t.
struct Entries<'a, R> {
    z: &'a [R],
    targets: &'a [R],
    gradient: &'a mut [R],
    positive: bool,
    /// Multiplies value and gradient.
    weight: R,
    /// Both are multiplied by q^ita.
    ita: R,
    /// The share of each class in the mean over them, 0 for the padding.
    shares: &'a [R],
    value: f64,
}

impl<R: Real> Visit<R> for Entries<'_, R> {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<R>) {
        let entries = self;
        let (positive, ita) = (entries.positive, entries.ita);
        let mut values = [R::ZERO; LANES];
        let chunks = entries
            .z
            .chunks_exact(LANES)
            .zip(entries.targets.chunks_exact(LANES))
            .zip(entries.shares.chunks_exact(LANES))
            .zip(entries.gradient.chunks_exact_mut(LANES));
        for (((z, t), c), g) in chunks {
            for lane in 0..LANES {
                let odds = Odds::of::<FMA>(if positive { z[lane] } else { -z[lane] });
                let (mut value, mut steepness) = part.at::<FMA>(&odds);
                if ita != R::ZERO {
                    // −d/du (q^ita·b) = q^ita·(s + ita·p·b)
                    let power = (ita * odds.ln_q).exp::<FMA>();
                    steepness = power * (steepness + ita * odds.p * value);
                    value = power * value;
                }
                let t = if positive { t[lane] } else { R::ONE - t[lane] };
                let weight = t * c[lane] * entries.weight;
                values[lane] += if weight == R::ZERO { R::ZERO } else { weight * value };
                let pull = weight * steepness;
                g[lane] += if positive { -pull } else { pull };
            }
        }
        entries.value += values.iter().map(|v| v.to_f64()).sum::<f64>();
    }
}

/// The mean over classes of one binary problem each, and its gradient.
#[inline(always)]
fn sigmoid<R: Real, const FMA: bool>(
    binary: &Binary,
    classes: usize,
    z: &[R],
    targets: &[R],
    gradient: &mut [R],
) -> f64 {
    let mut shares = vec![R::ZERO; z.len()];
    shares[..classes].fill(R::of(1.0 / classes as f64));
    let mut value = 0.0;
    for positive in [true, false] {
        let side = |share: Option<f64>| match share {
            None => 1.0,
            Some(share) => {
                if positive {
                    share
                } else {
                    1.0 - share
                }
            }
        };
        let mut entries = Entries {
            z,
            targets,
            gradient: &mut *gradient,
            positive,
            weight: R::of(side(binary.alpha)),
            ita: R::ZERO,
            shares: &shares,
            value: 0.0,
        };
        let (base, by_score) = base_of(binary, positive);
        let base = Curve { base, bonus: None };
        if by_score {
            base.visit_halted_by_score::<R, FMA>(&mut entries);
        } else {
            base.visit::<R, FMA>(&mut entries);
        }
        if binary.curve.bonus.is_some() {
            entries.weight = R::of(side(binary.beta));
            entries.ita = R::of(binary.ita);
            let bonus = Curve { base: Base::Zero, bonus: binary.curve.bonus };
            bonus.visit::<R, FMA>(&mut entries);
        }
        value += entries.value;
    }
    value
}

/// The base for positives or negatives, and whether its halt is decided by the score σ(z) of a
/// negative, which is q and not p.
fn base_of(binary: &Binary, positive: bool) -> (Base, bool) {
    let Base::Halted { gamma, .. } = binary.curve.base else { return (binary.curve.base, false) };
    let focal = Base::Focal { gamma };
    match (binary.halt, positive) {
        (Halt::Probability, _) => (binary.curve.base, false),
        (Halt::ScoreNegatives, true) | (Halt::ScorePositives, false) => (focal, false),
        (Halt::PositivesPlain, true) | (Halt::NegativesPlain, false) => (Base::CrossEntropy, false),
        (_, positive) => (binary.curve.base, !positive),
    }
}

/// Mean squared or absolute error with its mirror bonus, computed in f64.
fn errors<R: Real>(error: &ProbabilityError, z: &[R], targets: &[R], gradient: &mut [R]) -> f64 {
    let classes = z.len() as f64;
    let mut probabilities: Vec<f64> = z.iter().map(|z| z.to_f64()).collect();
    if error.sigmoid {
        probabilities.iter_mut().for_each(|z| *z = Odds::from_log_odds(*z).p);
    } else {
        let max = probabilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        probabilities.iter_mut().for_each(|z| *z = (*z - max).exp());
        let sum: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|e| *e /= sum);
    }
    let (mut value, mut mean) = (0.0, 0.0);
    let mut slopes = Vec::with_capacity(z.len());
    for (&a, target) in probabilities.iter().zip(targets) {
        let t = target.to_f64();
        let (mut loss, mut slope) = if error.squared {
            (t * (1.0 - a).powi(2) + (1.0 - t) * a * a, 2.0 * ((1.0 - t) * a - t * (1.0 - a)))
        } else {
            (t * (1.0 - a) + (1.0 - t) * a, 1.0 - 2.0 * t)
        };
        if let Some(Mirror { gamma, rho }) = error.mirror {
            loss -= rho * (t * a.powf(gamma) + (1.0 - t) * (1.0 - a).powf(gamma));
            let towards = t * a.powf(gamma - 1.0) - (1.0 - t) * (1.0 - a).powf(gamma - 1.0);
            slope -= rho * gamma * towards;
        }
        value += loss / classes;
        slope /= classes;
        mean += a * slope;
        slopes.push(slope);
    }
    for ((g, a), slope) in gradient.iter_mut().zip(&probabilities).zip(slopes) {
        let chain = if error.sigmoid { slope * (1.0 - a) } else { slope - mean };
        *g = R::of(a * chain);
    }
    value
}

/// The multi-margin hinge and its subgradient.
fn hinge<R: Real>(margin: f64, label: usize, z: &[R], gradient: &mut [R]) -> f64 {
    let share = 1.0 / z.len() as f64;
    let own = z[label].to_f64();
    let (mut value, mut violations) = (0.0, 0);
    for (class, z) in z.iter().enumerate().filter(|(class, _)| *class != label) {
        let violation = margin - own + z.to_f64();
        if violation > 0.0 {
            value += share * violation;
            violations += 1;
            gradient[class] = R::of(share);
        }
    }
    gradient[label] = R::of(-share * f64::from(violations));
    value
}
