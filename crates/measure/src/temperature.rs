//! Temperature scaling (Guo et al. 2017): one number T for all logits, softmax(z / T), so that the
//! confidences come true. The order of the classes, and so the accuracy, stays as it is.
//!
//! T minimises the negative log-likelihood of held-out examples. In β = 1/T that is convex, with
//!
//! * slope      NLL'(β) = mean(E_p\[z\] − z_y),
//! * curvature  NLL''(β) = mean(Var_p\[z\]) under p = softmax(βz),
//!
//! so that Newton's method inside a bracket finds the one minimum to the last digits; it needs
//! neither a learning rate nor a number of steps.

use super::{Logit, Logits, parallel, softmax::maximum};
use crate::card::{Card, Direction, Range, Source};
use crate::{Error, Result};

pub(crate) const CARD: Card = Card {
    key: "temperature",
    title: "temperature",
    unit: "",
    direction: Direction::Undefined,
    decimals: 3,
    meaning: "what all logits are divided by to make the validation part most likely; above 1 the classifier was too sure",
    range: Range::NotNegative,
    source: Source::Field("recalibrated.temperature", |m| Some(m.recalibrated?.temperature)),
};

/// The temperature T that minimises the negative log-likelihood of `logits / T`.
///
/// `labels`: one class a row. Fit on validation logits, never on those that are measured. `None`
/// if there is no best one: when every example is classified correctly, the likelihood grows for
/// ever as T → 0; when the logits say no more than chance, as T → ∞.
///
/// ```
/// use steepness_measure::{Logits, temperature};
/// // Sure of class 0 by 4 logits, and right in 3 cases of 4: p should be 3/4, so z/T = ln 3.
/// let logits = Logits::new(&[4.0f32, 0.0, 4.0, 0.0, 4.0, 0.0, 4.0, 0.0], 2)?;
/// let t = temperature(logits, &[0, 0, 0, 1])?.unwrap();
/// assert!((t - 4.0 / 3f64.ln()).abs() < 1e-12);
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// Labels that do not fit the logits; a label whose own logit is −∞, which no temperature makes
/// likely.
pub fn temperature<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Option<f64>> {
    /// Of many examples every so-manieth says where to start.
    const SAMPLED: usize = 16;
    const MANY: usize = 256 * SAMPLED;
    let masked = |(row, label): (&[T], usize)| row[label].into() == f64::NEG_INFINITY;
    if let Some(row) = logits.labelled(labels)?.position(masked) {
        return Err(Error::Request(format!(
            "the label of row {row} has a logit of -inf, which no temperature makes likely"
        )));
    }
    let rows: Vec<(&[T], usize)> = logits.labelled(labels)?.collect();
    let start = if rows.len() < MANY {
        1.0
    } else {
        let few: Vec<_> = rows.iter().copied().step_by(SAMPLED).collect();
        best_beta(&few, 1.0).unwrap_or(1.0)
    };
    Ok(best_beta(&rows, start).map(|beta| 1.0 / beta))
}

/// The β that minimises the mean NLL of βz over `rows` with their labels, searched from `start` on.
fn best_beta<T: Logit>(rows: &[(&[T], usize)], start: f64) -> Option<f64> {
    let known =
        parallel::map(rows.len(), rows[0].0.len(), |i| RowBounds::new(rows[i].0, rows[i].1));
    let sum = |of: fn(&RowBounds) -> f64| known.iter().map(of).sum::<f64>();
    // The slope at β = 0 is that of a uniform p over what is not masked, at ∞ that of the largest.
    if sum(|row| row.mean + row.lead) >= 0.0 || sum(|row| row.lead) <= 0.0 {
        return None;
    }
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut beta = start;
    // Newton takes about 6 steps; halving alone would need one for each bit.
    for _ in 0..200 {
        let (slope, curvature) = slope(rows, &known, beta);
        if slope < 0.0 {
            low = beta;
        } else {
            high = beta;
        }
        let mut next = beta - slope / curvature;
        if !(low < next && next < high) {
            next = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * beta };
        }
        let moved = (next - beta).abs();
        beta = next;
        // A step that small leaves an error of its square.
        if moved <= 1e-8 * beta {
            break;
        }
    }
    Some(beta)
}

/// The logits divided by a temperature above 0.
///
/// # Errors
/// A temperature that is not above 0 and finite.
pub fn scale<T: Logit>(logits: Logits<T>, temperature: f64) -> Result<Vec<f64>> {
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(Error::Request(format!(
            "a temperature must be above 0 and finite, not {temperature}"
        )));
    }
    Ok(logits.iter().flatten().map(|&z| z.into() / temperature).collect())
}

/// What of a row does not depend on β.
struct RowBounds {
    highest: f64,
    /// max z − z_y
    lead: f64,
    /// The mean of z − max z over what is not masked.
    mean: f64,
}

impl RowBounds {
    fn new<T: Logit>(row: &[T], label: usize) -> Self {
        let highest = maximum(row);
        let open = row.iter().map(|&z| z.into() - highest).filter(|z| *z > f64::NEG_INFINITY);
        let (sum, count) = open.fold((0.0, 0.0), |(sum, count), z| (sum + z, count + 1.0));
        Self { highest, lead: highest - row[label].into(), mean: sum / count }
    }
}

/// The slope and the curvature of the mean NLL of βz in β, above 0 and finite.
fn slope<T: Logit>(rows: &[(&[T], usize)], known: &[RowBounds], beta: f64) -> (f64, f64) {
    let of_row = |i: usize| -> (f64, f64) {
        let RowBounds { highest, lead, .. } = known[i];
        // Moments of z − max, which are at most 0 and cannot overflow.
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for z in rows[i].0.iter().map(|&z| z.into() - highest) {
            let weight = (beta * z).exp();
            // Not −∞ · 0, which is no number.
            let moment = if weight > 0.0 { weight * z } else { 0.0 };
            sum += weight;
            first += moment;
            second += moment * z.max(f64::MIN);
        }
        let mean = first / sum;
        (mean + lead, second / sum - mean * mean)
    };
    let of_rows = parallel::map(rows.len(), rows[0].0.len(), of_row);
    let sum = of_rows.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    let examples = rows.len() as f64;
    (sum.0 / examples, sum.1 / examples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{accuracy, nll, sample};

    #[test]
    fn agrees_with_l_bfgs() {
        // z = 8 * (2 * u - 1) for the `uniform` of sample.rs, as numpy.float32; y likewise:
        // u = numpy.fromiter(uniform(11, 2020), float); z = ((2 * u[:2000] - 1) * 8)
        // z = z.astype("f4").astype("f8").reshape(200, 10); y = (u[2000:2200] * 10).astype(int)
        // with every second label set to z.argmax(1), so that the logits know something.
        // nll = lambda t: (logsumexp(z / t, axis=1) - z[range(200), y] / t).mean()
        // scipy.optimize.minimize(nll, 1.5, method="L-BFGS-B", tol=1e-14).x
        let (values, mut labels) = sample::draw(11, 200, 10, 8.0);
        let logits = Logits::new(&values, 10).unwrap();
        for (row, label) in logits.iter().zip(&mut labels).step_by(2) {
            *label = crate::softmax::argmax(row) as i64;
        }
        let t = temperature(logits, &labels).unwrap().unwrap();
        assert!((t - TEMPERATURE).abs() < 1e-5, "{t}");
    }

    const TEMPERATURE: f64 = 5.0268033;

    #[test]
    fn nothing_near_it_is_better() {
        for seed in 0..20 {
            let (values, mut labels) = sample::draw(seed, 60, 4, 5.0);
            let logits = Logits::new(&values, 4).unwrap();
            for (row, label) in logits.iter().zip(&mut labels).step_by(3) {
                *label = crate::softmax::argmax(row) as i64;
            }
            let Some(best) = temperature(logits, &labels).unwrap() else { continue };
            let at = |t: f64| {
                let scaled = scale(logits, t).unwrap();
                let scaled = Logits::new(&scaled, 4).unwrap();
                assert_eq!(accuracy(scaled, &labels).unwrap(), accuracy(logits, &labels).unwrap());
                nll(scaled, &labels).unwrap()
            };
            assert!(at(best) <= at(best * 1.001) && at(best) <= at(best / 1.001), "seed {seed}");
        }
    }

    #[test]
    fn scaling_the_logits_scales_the_temperature() {
        let values = [3.0f64, 0.0, 1.0, 2.0, -1.0, 4.0, 0.5, 0.0];
        let labels = [0, 0, 1, 0];
        let t = temperature(Logits::new(&values, 2).unwrap(), &labels).unwrap().unwrap();
        for factor in [1e-6, 0.1, 300.0, 1e8] {
            let scaled = values.map(|z| z * factor);
            let s = temperature(Logits::new(&scaled, 2).unwrap(), &labels).unwrap().unwrap();
            assert!((s / (factor * t) - 1.0).abs() < 1e-9, "{factor}: {s} is not {t}");
        }
    }

    #[test]
    fn where_there_is_no_best_one_there_is_none() {
        let logits = Logits::new(&[3.0f32, 0.0, 0.0, 2.0], 2).unwrap();
        assert_eq!(temperature(logits, &[0, 1]).unwrap(), None); // all correct
        assert_eq!(temperature(logits, &[1, 0]).unwrap(), None); // all wrong
        let constant = Logits::new(&[1.0f32; 6], 3).unwrap();
        assert_eq!(temperature(constant, &[0, 1]).unwrap(), None);
        assert_eq!(temperature(Logits::new(&[1.0f32], 1).unwrap(), &[0]).unwrap(), None);
    }

    #[test]
    fn masked_classes_do_not_count() {
        let inf = f32::INFINITY;
        let open = [4.0f32, 0.0, 4.0, 0.0, 4.0, 0.0, 4.0, 0.0];
        let masked = [4.0f32, 0.0, -inf, 4.0, 0.0, -inf, 4.0, 0.0, -inf, 4.0, 0.0, -inf];
        let labels = [0, 0, 0, 1];
        assert_eq!(
            temperature(Logits::new(&open, 2).unwrap(), &labels).unwrap(),
            temperature(Logits::new(&masked, 3).unwrap(), &labels).unwrap()
        );
        let complaint = temperature(Logits::new(&masked, 3).unwrap(), &[0, 2, 0, 0]).unwrap_err();
        assert!(complaint.to_string().starts_with("the label of row 1 has a logit of -inf"));
    }

    #[test]
    fn a_temperature_is_above_zero() {
        let logits = Logits::new(&[3.0f32, 0.0], 2).unwrap();
        assert_eq!(scale(logits, 2.0).unwrap(), [1.5, 0.0]);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(scale(logits, wrong).is_err());
        }
    }
}
