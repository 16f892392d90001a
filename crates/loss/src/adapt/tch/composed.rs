//! Tensors that are not in the CPU's memory: the same kernel, composed from tensor operations.
//!
//! *Hard labels.* With the label's logit masked for a moment, one fused softmax over the row gives
//! the others' own softmax o, and its largest entry, with that class's logit, their log-sum-exp.
//! Three numbers a row go to the host, where the curve is evaluated; two come back, and o becomes the
//! gradient in place. So the logits are read twice and o is written, read and written: nothing N×C
//! is held beyond the gradient. (A curve that looks at Σ p_k² fetches a fourth number.)
//!
//! *Soft targets* need the curve's weight of every class, so they are limited to cross entropy with
//! or without a logarithmic bonus, written as tensor operations.

use super::{computing_kind, framework};
use crate::criterion::Term;
use crate::curve::{Base, Bonus, Curve, Shape};
use crate::error::{Error, Result};
use crate::loss::Objective;
use crate::odds::Odds;
use crate::rows::{Adjusted, Row};
use tch::{Device, Kind, TchError, Tensor};

/// A term of the loss, and what it needs to know of the batch.
pub(super) struct ComposedTerm<'a> {
    pub term: &'a Term,
    /// The label of each row; of soft targets the class with the largest; none: ignored.
    pub labels: &'a [Option<usize>],
    /// (N, C) on the logits' device, where targets are soft.
    pub soft: Option<&'a Tensor>,
    pub sample_weights: Option<&'a [f64]>,
    /// Multiplies the gradient.
    pub scale: f64,
    pub wants_gradient: bool,
}

/// Records of all rows, and the gradient in the logits' kind.
pub(super) fn rows(logits: &Tensor, pass: &ComposedTerm<'_>) -> Result<(Vec<Row>, Option<Tensor>)> {
    let Objective::Softmax(curve) = pass.term.objective else {
        return Err(elsewhere("a loss that is not one of the softmax probability"));
    };
    let hard = pass.soft.is_none() && pass.term.smoothing == 0.0;
    let done = if hard { hard_rows(logits, pass, &curve) } else { soft_rows(logits, pass, &curve) };
    done.map_err(|failure| match failure {
        Failure::Torch(error) => framework(error),
        Failure::Ours(error) => error,
    })
}

/// What is refused here.
pub(super) fn elsewhere(what: &str) -> Error {
    Error::Device(format!("{what} is computed on the CPU only: move the logits there"))
}

/// So that `?` takes both.
enum Failure {
    Torch(TchError),
    Ours(Error),
}

impl From<TchError> for Failure {
    fn from(error: TchError) -> Self {
        Failure::Torch(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Ours(error)
    }
}

type Done<T> = std::result::Result<T, Failure>;

/// Logits as the loss sees them, without the label's margin, and whether they are a copy.
fn adjust(logits: &Tensor, adjusted: &Adjusted) -> Done<(Tensor, bool)> {
    let kind = computing_kind(logits);
    let mut z = logits.detach().f_to_kind(kind)?.f_contiguous()?;
    if adjusted.is_none() {
        return Ok((z, false));
    }
    if let Some(cap) = adjusted.soft_cap {
        z = z.f_div_scalar(cap)?.f_tanh_()?.f_mul_scalar_(cap)?;
    }
    z = z.f_mul_scalar(adjusted.before * adjusted.after)?;
    if let Some(offsets) = &adjusted.offsets {
        let offsets: Vec<f64> = offsets.iter().map(|offset| offset * adjusted.after).collect();
        z = z.f_add_(&Tensor::from_slice(&offsets).f_to_kind(kind)?.f_to(logits.device())?)?;
    }
    Ok((z, true))
}

/// From a gradient with respect to adjusted logits to one with respect to `logits`, in their kind.
fn pull_back(mut gradient: Tensor, logits: &Tensor, adjusted: &Adjusted) -> Done<Tensor> {
    if adjusted.before != 1.0 || adjusted.after != 1.0 {
        gradient = gradient.f_mul_scalar_(adjusted.before * adjusted.after)?;
    }
    if let Some(cap) = adjusted.soft_cap {
        let tanh = logits.detach().f_to_kind(gradient.kind())?.f_div_scalar(cap)?.f_tanh_()?;
        let chain = tanh.f_square()?.f_neg_()?.f_add_scalar_(1.0)?;
        gradient = gradient.f_mul_(&chain)?;
    }
    Ok(gradient.f_to_kind(logits.kind())?)
}

/// Columns of an (N, k) tensor, on the host.
fn columns<const K: usize>(parts: [&Tensor; K]) -> Done<[Vec<f64>; K]> {
    let joined = Tensor::f_cat(&parts, 1)?.f_to_kind(Kind::Double)?.f_tr()?;
    let flat = Vec::<f64>::try_from(&joined.f_contiguous()?.f_to(Device::Cpu)?.f_view(-1)?)?;
    let rows = flat.len() / K;
    Ok(std::array::from_fn(|k| flat[k * rows..(k + 1) * rows].to_vec()))
}

/// A column (N, 1) of `kind` on the device of `like`.
fn column<T: tch::kind::Element>(values: &[T], kind: Kind, like: &Tensor) -> Done<Tensor> {
    Ok(Tensor::from_slice(values).f_to_kind(kind)?.f_to(like.device())?.f_view([-1, 1])?)
}

/// The log-sum-exp of a row's others from the largest entry of their softmax and its logit.
fn others(logit: f64, share: f64) -> f64 {
    if logit == f64::NEG_INFINITY { logit } else { logit - share.ln() }
}

/// Looks at a row whose sums are no numbers: a bad logit is an error, masks everywhere are not.
fn validate_row(logits: &Tensor, row: usize) -> Done<()> {
    let values = logits.f_get(row as i64)?.f_to_kind(Kind::Double)?.f_to(Device::Cpu)?;
    let values = Vec::<f64>::try_from(&values)?;
    let bad = values.iter().any(|z| z.is_nan() || *z == f64::INFINITY);
    if bad || values.iter().all(|z| *z == f64::NEG_INFINITY) {
        return Err(crate::rows::bad_logit(row, &values).into());
    }
    Ok(())
}

fn hard_rows(
    logits: &Tensor,
    pass: &ComposedTerm<'_>,
    curve: &Curve,
) -> Done<(Vec<Row>, Option<Tensor>)> {
    let ComposedTerm { term, labels, .. } = *pass;
    let (mut z, copied) = adjust(logits, &term.adjusted)?;
    let kind = z.kind();
    let classes: Vec<i64> = labels.iter().map(|label| label.unwrap_or(0) as i64).collect();
    let label = column(&classes, Kind::Int64, logits)?;
    let own = z.f_gather(1, &label, false)?;
    // The mask is taken off again below; `data` keeps it from the graph's eyes.
    let mut masked = if copied { z.shallow_clone() } else { z.data() };
    let _ = masked.f_scatter_value_(1, &label, f64::NEG_INFINITY)?;
    let found = (|| {
        let o = masked.f_softmax(1, kind)?;
        let (share, at) = o.f_max_dim(1, true)?;
        let logit = masked.f_gather(1, &at, false)?;
        Ok::<_, TchError>((o, share, logit))
    })();
    let _ = masked.f_scatter_(1, &label, &own)?;
    let (mut o, share, logit) = found?;
    z = masked;
    let squares = match curve.needs_squares() {
        true => {
            let sums = o.f_square()?.f_sum_dim_intlist([1i64].as_slice(), true, kind)?;
            columns([&sums])?[0].clone()
        }
        false => vec![],
    };
    let [own, logit, share] = columns([&own, &logit, &share])?;

    let mut rows = Vec::with_capacity(labels.len());
    let (mut of_others, mut of_label) = (vec![], vec![]);
    let (mut empty, mut zero) = (false, false);
    for (row, label) in labels.iter().enumerate() {
        let Some(label) = *label else {
            rows.push(Row { ignored: true, ..Row::default() });
            of_others.push(0.0);
            of_label.push(0.0);
            zero = true;
            continue;
        };
        let own = own[row] - term.adjusted.margin(label);
        if share[row].is_nan() || !own.is_finite() {
            validate_row(logits, row)?;
        }
        let others = others(logit[row], share[row]);
        let odds = Odds::from_log_odds(own - others);
        empty |= logit[row] == f64::NEG_INFINITY;
        // Not a number where there are no others.
        let sum = squares.get(row).filter(|sum| !sum.is_nan()).unwrap_or(&0.0);
        let all = odds.p * odds.p + odds.q * odds.q * sum;
        let (value, steepness) = curve.in_row(&odds, all);
        let weight = term.class_weights.as_ref().map_or(1.0, |weights| weights[label])
            * pass.sample_weights.map_or(1.0, |weights| weights[row]);
        let lse = if odds.ln_p == f64::NEG_INFINITY { others } else { own - odds.ln_p };
        let z_term = 2.0 * term.z_loss * lse;
        of_others.push(weight * pass.scale * (steepness + z_term * odds.q));
        of_label.push(weight * pass.scale * (z_term * odds.p - steepness));
        rows.push(Row {
            loss: weight * (value + term.z_loss * lse * lse),
            p: odds.p,
            log_odds: odds.log_odds,
            log_sum_exp: lse,
            margin: own - logit[row],
            energy: -own,
            steepness,
            ce_steepness: odds.q,
            predicted: None,
            correct: own > logit[row],
            ignored: false,
        });
    }
    drop(z);
    if !pass.wants_gradient {
        return Ok((rows, None));
    }
    if empty || zero {
        // No others at all (0/0), or logits that are no numbers in a row that counts for nothing.
        o = o.f_nan_to_num_(0.0, None, None)?;
    }
    o = o.f_mul_(&column(&of_others, kind, logits)?)?;
    o = o.f_scatter_(1, &label, &column(&of_label, kind, logits)?)?;
    Ok((rows, Some(pull_back(o, logits, &term.adjusted)?)))
}

fn soft_rows(
    logits: &Tensor,
    pass: &ComposedTerm<'_>,
    curve: &Curve,
) -> Done<(Vec<Row>, Option<Tensor>)> {
    let ComposedTerm { term, labels, .. } = *pass;
    let (z, _) = adjust(logits, &term.adjusted)?;
    let kind = z.kind();
    let count = *z.size().last().unwrap_or(&1);
    let classes: Vec<i64> = labels.iter().map(|label| label.unwrap_or(0) as i64).collect();
    let label = column(&classes, Kind::Int64, logits)?;
    let mut targets = match pass.soft {
        Some(soft) => soft.f_to_kind(kind)?.f_mul_scalar(1.0 - term.smoothing)?,
        None => z.f_zeros_like()?.f_scatter_value(1, &label, 1.0 - term.smoothing)?,
    };
    targets = targets.f_add_scalar_(term.smoothing / count as f64)?;
    if let Some(weights) = &term.class_weights {
        let weights = Tensor::from_slice(weights).f_to_kind(kind)?.f_to(logits.device())?;
        targets = targets.f_mul_(&weights)?;
    }
    // The likeliest class is singled out, so that p ≤ 1/2 for all others.
    let (top_logit, top) = z.f_max_dim(1, true)?;
    let masked = z.f_scatter_value(1, &top, f64::NEG_INFINITY)?;
    let o = masked.f_softmax(1, kind)?.f_nan_to_num_(0.0, None, None)?;
    let (share, at) = o.f_max_dim(1, true)?;
    let logit = masked.f_gather(1, &at, false)?;
    drop(masked);
    let top_target = targets.f_gather(1, &top, false)?;
    let all_targets = targets.f_sum_dim_intlist([1i64].as_slice(), true, kind)?;
    let own = z.f_gather(1, &label, false)?;
    let [top_logits, logit, share, top_targets, all_targets, own, tops] =
        columns([&top_logit, &logit, &share, &top_target, &all_targets, &own, &top])?;
    let mut odds = Vec::with_capacity(labels.len());
    for (row, label) in labels.iter().enumerate() {
        let one = Odds::from_log_odds(top_logits[row] - others(logit[row], share[row]));
        if label.is_some() && !top_logits[row].is_finite() {
            validate_row(logits, row)?;
        }
        odds.push(one);
    }
    let of = |part: fn(&Odds) -> f64| odds.iter().map(part).collect::<Vec<_>>();
    let q = column(&of(|o| o.q), kind, logits)?;
    let ln_top = column(&of(|o| o.ln_p), kind, logits)?;
    let p = o.f_mul(&q)?;
    let ln_p = (z - &top_logit).f_add_(&ln_top)?;
    let targets = targets.f_scatter_value_(1, &top, 0.0)?;
    let (value, weights) = minor_classes(curve, &targets, &p, &ln_p)?;
    let total = weights.f_sum_dim_intlist([1i64].as_slice(), true, kind)?;
    let [values, totals] = columns([&value, &total])?;

    let mut rows = Vec::with_capacity(labels.len());
    let (mut of_others, mut of_top, mut scales) = (vec![], vec![], vec![]);
    for (row, label) in labels.iter().enumerate() {
        let Some(label) = *label else {
            rows.push(Row { ignored: true, ..Row::default() });
            of_others.push(0.0);
            of_top.push(0.0);
            scales.push(0.0);
            continue;
        };
        let odds = odds[row];
        let pull = top_targets[row] * curve.steepness(&odds);
        let value = match top_targets[row] {
            0.0 => values[row],
            t => values[row] + t * curve.value(&odds),
        };
        let lse = top_logits[row] - odds.ln_p;
        let z_loss = term.z_loss * term.class_weights.as_ref().map_or(1.0, |_| all_targets[row]);
        let z_term = 2.0 * z_loss * lse;
        let weight = pass.sample_weights.map_or(1.0, |weights| weights[row]);
        let scale = weight * pass.scale;
        of_others.push(scale * (odds.q * (totals[row] + z_term) + pull));
        of_top.push(scale * (odds.p * (totals[row] + z_term) - pull));
        scales.push(scale);
        let on_top = label as f64 == tops[row];
        let ln_p = own[row] - top_logits[row] + odds.ln_p;
        let of_label = match on_top {
            true => odds,
            false => Odds::from_log_odds(ln_p - (-ln_p.exp()).ln_1p()),
        };
        let margin = own[row] - if on_top { logit[row] } else { top_logits[row] };
        rows.push(Row {
            loss: weight * (value + z_loss * lse * lse),
            p: of_label.p,
            log_odds: of_label.log_odds,
            log_sum_exp: lse,
            margin,
            energy: -own[row],
            correct: on_top,
            ..Row::default()
        });
    }
    if !pass.wants_gradient {
        return Ok((rows, None));
    }
    let gradient = o.f_mul(&column(&of_others, kind, logits)?)?;
    let gradient = (gradient - weights.f_mul(&column(&scales, kind, logits)?)?).f_scatter_(
        1,
        &top,
        &column(&of_top, kind, logits)?,
    )?;
    Ok((rows, Some(pull_back(gradient, logits, &term.adjusted)?)))
}

/// Σ t_k·ℓ(p_k) as a column, and t_k·w_k, over classes with p ≤ 1/2 (the likeliest has t = 0).
fn minor_classes(
    curve: &Curve,
    targets: &Tensor,
    p: &Tensor,
    ln_p: &Tensor,
) -> Done<(Tensor, Tensor)> {
    let kind = p.kind();
    let none = targets.f_eq(0.0)?;
    let masked = |values: Tensor| values.f_mul(targets)?.f_masked_fill(&none, 0.0);
    let mut values = match curve.base {
        Base::Zero => p.f_zeros_like()?,
        Base::CrossEntropy => masked(ln_p.f_neg()?)?,
        _ => return Err(elsewhere("a curve other than ce and el with soft targets").into()),
    };
    let mut weights = match curve.base {
        Base::Zero => p.f_zeros_like()?,
        _ => targets.copy(),
    };
    if let Some(Bonus { shape, rho, abrupt }) = curve.bonus {
        let Shape::Log { le, clamp, start } = shape else {
            return Err(elsewhere("a bonus other than the logarithm with soft targets").into());
        };
        if clamp > 0.5 {
            return Err(elsewhere("a clamp above 1/2 with soft targets").into());
        }
        let mut bonus = p.f_neg()?.f_log1p()?;
        let mut weight = p / (1.0 - p);
        if le < 0.5 {
            let tangent = 1.0 / (1.0 - le);
            let beyond = p.f_gt(le)?;
            let line = ((p - le) * -tangent).f_add_scalar_((1.0 - le).ln())?;
            bonus = line.f_where_self(&beyond, &bonus)?;
            weight = (p * tangent).f_where_self(&beyond, &weight)?;
        }
        bonus = bonus.f_sub_scalar((1.0 - start).max(clamp).ln())?;
        let off = p.f_lt(start)?.f_logical_or(&p.f_gt(abrupt.unwrap_or(2.0))?)?;
        values += masked(bonus.f_mul_scalar(rho)?)?.f_masked_fill(&off, 0.0)?;
        weights += masked(weight.f_mul_scalar(rho)?)?.f_masked_fill(&off, 0.0)?;
    }
    Ok((values.f_sum_dim_intlist([1i64].as_slice(), true, kind)?, weights))
}
