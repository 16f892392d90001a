//! What a loss is made of, for whoever computes it without the kernels: tensor operations, Triton.
//!
//! A term is a dictionary of
//!
//! * `base`: the name of the base and its numbers, or None for a loss that is no curve of the softmax
//!   probability, or whose base is nothing; `bonus`: likewise, with `rho` and `abrupt`;
//! * `softmax`: whether it is a curve of the softmax probability at all;
//! * `squares`: whether it looks at Σ p_k² of the row;
//! * `soft_cap`, `before`, `offsets`, `margins`, `after`: what happens to the logits before, in this order;
//! * `smoothing`, `class_weights`, `z_loss`, `by_weights` (whether a mean divides by the weights).

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use steepness::{Card, Objective, Odds, Term};

use crate::memory::{slice, slice_mut};

pub fn described<'py>(py: Python<'py>, term: &Term) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    let numbers = |of: Option<(&'static Card, Vec<(&'static str, f64)>)>| {
        let Some((card, numbers)) = of else { return Ok(None) };
        let of = PyDict::new(py);
        of.set_item("name", card.name)?;
        numbers.into_iter().try_for_each(|(name, value)| of.set_item(name, value))?;
        PyResult::Ok(Some(of))
    };
    let curve = match &term.objective {
        Objective::Softmax(curve) => Some(curve),
        _ => None,
    };
    all.set_item("softmax", curve.is_some())?;
    all.set_item("squares", curve.is_some_and(|curve| curve.needs_squares()))?;
    all.set_item("base", numbers(curve.and_then(|curve| curve.base.described()))?)?;
    let bonus = curve.and_then(|curve| curve.bonus);
    let of_bonus = numbers(bonus.and_then(|bonus| bonus.shape.described()))?;
    if let (Some(of), Some(bonus)) = (&of_bonus, bonus) {
        of.set_item("rho", bonus.rho)?;
        of.set_item("abrupt", bonus.abrupt)?;
    }
    all.set_item("bonus", of_bonus)?;
    let adjusted = &term.adjusted;
    all.set_item("soft_cap", adjusted.soft_cap)?;
    all.set_item("before", adjusted.before)?;
    all.set_item("offsets", &adjusted.offsets)?;
    all.set_item("margins", &adjusted.margins)?;
    all.set_item("after", adjusted.after)?;
    all.set_item("smoothing", term.smoothing)?;
    all.set_item("class_weights", &term.class_weights)?;
    all.set_item("z_loss", term.z_loss)?;
    all.set_item("by_weights", term.by_weights)?;
    Ok(all)
}

/// Value and steepness of the curve of term number `at` at `count` log-odds, all of them float64 at the
/// addresses given; `squares`, one Σ p_k² each, may be 0 for a curve that does not look at it.
#[pyfunction]
pub fn curve(
    criterion: &crate::criterion::Criterion,
    at: usize,
    log_odds: usize,
    squares: usize,
    count: usize,
    values: usize,
    steepness: usize,
) -> PyResult<()> {
    let terms = criterion.copy().terms();
    let Some(Objective::Softmax(curve)) = terms.get(at).map(|term| term.objective) else {
        return Err(PyValueError::new_err(format!("term {at} is no curve of softmax")));
    };
    // SAFETY: the Python side hands over float64 memory of that size, which it keeps alive.
    let (log_odds, squares, values, steepness) = unsafe {
        (
            slice::<f64>(log_odds, count),
            slice::<f64>(squares, if squares == 0 { 0 } else { count }),
            slice_mut::<f64>(values, count),
            slice_mut::<f64>(steepness, count),
        )
    };
    for (at, log_odds) in log_odds.iter().enumerate() {
        let odds = Odds::from_log_odds(*log_odds);
        let of_two = odds.p * odds.p + odds.q * odds.q;
        let squares = squares.get(at).copied().unwrap_or(of_two);
        (values[at], steepness[at]) = curve.in_row(&odds, squares);
    }
    Ok(())
}
