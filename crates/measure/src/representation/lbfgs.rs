//! L-BFGS: the minimum of a smooth function of many variables (Nocedal 1980; Nocedal and Wright,
//! "Numerical optimization", algorithm 7.5), with a line search that ensures the weak Wolfe
//! conditions by halving and doubling (Lewis and Overton 2013, algorithm 2.6).
//!
//! Deterministic, without a learning rate.

use std::collections::VecDeque;

use crate::Result;

/// Where the search ended.
#[derive(Clone, Debug)]
pub(super) struct Minimum {
    /// The point.
    pub at: Vec<f64>,
    /// The function there.
    pub value: f64,
    /// How many steps were taken.
    pub steps: usize,
    /// Whether the largest entry of the gradient fell below the tolerance.
    pub converged: bool,
}

/// Searches from `start` until the largest entry of the gradient is at most `tolerance`, at most
/// `steps` steps. `function` gives its value and its gradient at a point.
///
/// # Errors
/// What `function` says.
pub(super) fn minimise(
    start: Vec<f64>,
    mut function: impl FnMut(&[f64]) -> Result<(f64, Vec<f64>)>,
    tolerance: f64,
    steps: usize,
) -> Result<Minimum> {
    /// Pairs of steps and gradient changes that stand for the curvature.
    const MEMORY: usize = 10;
    let (mut value, mut gradient) = function(&start)?;
    let mut at = start;
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    let flat = |gradient: &[f64]| gradient.iter().all(|g| g.abs() <= tolerance);
    let mut taken = 0;
    while taken < steps && !flat(&gradient) {
        let direction = descent(&gradient, &pairs);
        // Without a curvature the first step is of length 1 at most.
        let first = if pairs.is_empty() { 1f64.min(1.0 / norm(&gradient)) } else { 1.0 };
        let Some(found) = search(&at, value, &gradient, &direction, first, &mut function)? else {
            break; // Rounding hides any further descent.
        };
        let moved: Vec<f64> = found.at.iter().zip(&at).map(|(new, old)| new - old).collect();
        let turned: Vec<f64> =
            found.gradient.iter().zip(&gradient).map(|(new, old)| new - old).collect();
        if dot(&moved, &turned) > 0.0 {
            pairs.push_back((moved, turned));
            if pairs.len() > MEMORY {
                pairs.pop_front();
            }
        }
        (at, value, gradient) = (found.at, found.value, found.gradient);
        taken += 1;
    }
    Ok(Minimum { at, value, steps: taken, converged: flat(&gradient) })
}

struct Point {
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// The two-loop recursion: minus the gradient times the inverse Hessian that the pairs stand for.
fn descent(gradient: &[f64], pairs: &VecDeque<(Vec<f64>, Vec<f64>)>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for (moved, turned) in pairs.iter().rev() {
        let share = dot(moved, &direction) / dot(moved, turned);
        add(&mut direction, -share, turned);
        shares.push(share);
    }
    if let Some((moved, turned)) = pairs.back() {
        let scale = dot(moved, turned) / dot(turned, turned);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ((moved, turned), share) in pairs.iter().zip(shares.into_iter().rev()) {
        let correction = share - dot(turned, &direction) / dot(moved, turned);
        add(&mut direction, correction, moved);
    }
    direction
}

/// A point along `direction` that is lower by a share of what the slope promises, and less steep.
fn search(
    start: &[f64],
    value: f64,
    gradient: &[f64],
    direction: &[f64],
    first: f64,
    function: &mut impl FnMut(&[f64]) -> Result<(f64, Vec<f64>)>,
) -> Result<Option<Point>> {
    const DESCENT: f64 = 1e-4;
    const CURVATURE: f64 = 0.9;
    let slope = dot(gradient, direction);
    if slope >= 0.0 {
        return Ok(None);
    }
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    for _ in 0..60 {
        let mut at = start.to_vec();
        add(&mut at, length, direction);
        let (new_value, new_gradient) = function(&at)?;
        // False of a value that overflowed to NaN, which is then too far as well.
        let lower = new_value <= value + DESCENT * length * slope;
        if !lower {
            high = length;
        } else if dot(&new_gradient, direction) < CURVATURE * slope {
            low = length;
        } else {
            return Ok(Some(Point { at, value: new_value, gradient: new_gradient }));
        }
        length = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * length };
    }
    Ok(None)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// a += factor · b
fn add(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_rosenbrocks_valley() {
        let rosenbrock = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            let gradient = vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b];
            Ok((a * a + 100.0 * b * b, gradient))
        };
        let minimum = minimise(vec![-1.2, 1.0], rosenbrock, 1e-9, 200).unwrap();
        assert!(minimum.converged && minimum.steps < 60, "{minimum:?}");
        assert!(minimum.at.iter().all(|x| (x - 1.0).abs() < 1e-8), "{minimum:?}");
    }

    #[test]
    fn a_badly_scaled_bowl_is_no_trouble() {
        let scales: Vec<f64> = (0..30).map(|i| 10f64.powf(f64::from(i) / 10.0)).collect();
        let bowl = |x: &[f64]| {
            let gradient: Vec<f64> = x.iter().zip(&scales).map(|(x, s)| s * (x - 3.0)).collect();
            let value = x.iter().zip(&gradient).map(|(x, g)| 0.5 * (x - 3.0) * g).sum();
            Ok((value, gradient))
        };
        let minimum = minimise(vec![0.0; 30], bowl, 1e-8, 1000).unwrap();
        // scipy.optimize.minimize(method="L-BFGS-B", options={"maxcor": 10}) takes 270 steps.
        assert!(minimum.converged && minimum.value < 1e-12, "{minimum:?}");
        assert!(minimum.steps < 400, "{}", minimum.steps);
    }

    #[test]
    fn stops_when_told_and_says_so() {
        let slope = |x: &[f64]| Ok(((-x[0]).exp(), vec![-(-x[0]).exp()]));
        let minimum = minimise(vec![0.0], slope, 1e-300, 3).unwrap();
        assert!(!minimum.converged && minimum.steps == 3 && minimum.at[0] > 0.0);
        let there = minimise(vec![0.0], |_| Ok((0.0, vec![0.0])), 0.0, 5).unwrap();
        assert!(there.converged && there.steps == 0);
        let broken = minimise(vec![0.0], |_| Err(crate::Error::Work("no".into())), 0.0, 5);
        assert!(broken.is_err());
    }
}
