"""Losses of labels as operations of PyTorch, on any device.

With the label's logit masked, one softmax over a row gives the softmax o of the others and their
log-sum-exp; the difference u of the label's logit to that are its log-odds, so that 1 - p is never
computed as such. The curve is evaluated in Rust, in float64, at one u a row: on another device than the
CPU one number a row goes there and two come back. o times the steepness is the gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from steepness._core import Criterion, curve
from steepness.torch._dtypes import gradient_dtype, loss_dtype
from steepness.torch._layout import Layout

if TYPE_CHECKING:
    from steepness._core import Term


def supports(criterion: Criterion, layout: Layout) -> bool:
    """Tell whether it is a loss of one label a row, that looks at one row at a time."""
    if layout.soft or not criterion.row_by_row or criterion.learns:
        return False
    return all(term["softmax"] and term["smoothing"] == 0.0 for term in criterion.terms())


def compute(
    criterion: Criterion,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    layout: Layout,
    wanted: bool,
) -> tuple[Tensor, Tensor | None]:
    """Compute as `_backend.Backend` says."""
    with torch.no_grad():
        return _compute(criterion, logits.detach(), targets, sample_weight, layout, wanted)


def _compute(
    criterion: Criterion,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    layout: Layout,
    wanted: bool,
) -> tuple[Tensor, Tensor | None]:
    dtype = loss_dtype(logits)
    rows = logits.movedim(layout.axis, -1).reshape(-1, logits.shape[layout.axis])
    targets = targets.reshape(-1).to(torch.int64)
    ignored = targets == criterion.ignore_index
    _check_targets(targets, ignored, criterion.classes)
    label = targets.masked_fill(ignored, 0).unsqueeze(1)
    samples = torch.ones_like(targets, dtype=dtype)
    if sample_weight is not None:
        layout.check_sample_weight(sample_weight)
        samples = sample_weight.detach().reshape(-1).to(logits.device, dtype)
        if not bool(((samples >= 0) & samples.isfinite()).all()):
            raise ValueError("sample weights must be finite numbers >= 0")
    samples = samples.masked_fill(ignored, 0.0)

    total = torch.zeros_like(samples)
    gradient: Tensor | None = None
    for at, term in enumerate(criterion.terms()):
        weights = samples
        if term["class_weights"] is not None:
            of_class = torch.tensor(term["class_weights"], dtype=dtype, device=logits.device)
            weights = samples * of_class[label.squeeze(1)]
        scale = torch.ones((), dtype=dtype, device=logits.device)
        if criterion.reduction == "mean":
            divisor = (weights if term["by_weights"] else samples).sum()
            scale = torch.where(divisor > 0, 1.0 / divisor, 0.0)
        losses, slope = _term(criterion, at, term, rows, label, weights * scale, ignored, wanted)
        total += losses
        if slope is not None:
            gradient = slope if gradient is None else gradient.add_(slope)
    if criterion.reduction == "none":
        loss = total.reshape(layout.of_rows)
    else:
        loss = total.sum()
    if gradient is None:
        return loss, None
    shape = (*layout.of_rows, logits.shape[layout.axis])
    gradient = gradient.to(gradient_dtype(logits)).reshape(shape).movedim(-1, layout.axis)
    return loss, gradient.contiguous()


def _term(
    criterion: Criterion,
    at: int,
    term: Term,
    logits: Tensor,
    label: Tensor,
    weights: Tensor,
    ignored: Tensor,
    wanted: bool,
) -> tuple[Tensor, Tensor | None]:
    """Compute weighted losses of the rows of one term, and the gradient."""
    dtype = weights.dtype
    z = logits.to(dtype)
    cap, scale = term["soft_cap"], term["before"] * term["after"]
    if cap is not None:
        z = torch.where(z.isinf(), z, cap * torch.tanh(z / cap))
    if scale != 1.0:
        z = z * scale
    if term["offsets"] is not None:
        z = z + torch.tensor(term["offsets"], dtype=dtype, device=z.device) * term["after"]
    own = z.gather(1, label).squeeze(1)
    if term["margins"] is not None:
        margins = torch.tensor(term["margins"], dtype=dtype, device=z.device)
        own = own - margins[label.squeeze(1)] * term["after"]
    masked = z.scatter(1, label, -torch.inf)
    others = masked.logsumexp(1)
    alone = masked.amax(1) == -torch.inf
    _check_logits(logits, z, own, others, alone, ignored)
    o = (masked - others.unsqueeze(1)).exp()
    o = torch.where(alone.unsqueeze(1), 0.0, o)
    u = torch.where(ignored, 0.0, own - others)
    p = torch.sigmoid(u)
    squares = None
    if term["squares"]:
        q = torch.sigmoid(-u)
        squares = p * p + q * q * (o * o).sum(1)
    value, steepness = _curve(criterion, at, u, squares)
    lse = torch.where(own == -torch.inf, others, own + torch.nn.functional.softplus(-u))
    lse = torch.where(ignored, 0.0, lse)
    losses = value + term["z_loss"] * lse * lse
    losses = torch.where(weights == 0, 0.0, weights * losses)
    if not wanted:
        return losses, None
    pull = 2.0 * term["z_loss"] * lse
    of_others = weights * (steepness + pull * torch.sigmoid(-u))
    of_label = weights * (pull * p - steepness)
    gradient = o.mul_(of_others.unsqueeze(1)).scatter_(1, label, of_label.unsqueeze(1))
    gradient = torch.where(ignored.unsqueeze(1), 0.0, gradient)
    if scale != 1.0:
        gradient = gradient * scale
    if cap is not None:
        e = torch.exp(-2.0 / cap * logits.to(dtype).abs())
        gradient = gradient * (4.0 * e / (1.0 + e) ** 2)
    return losses, gradient


def _curve(criterion: Criterion, at: int, log_odds: Tensor, squares: Tensor | None) -> tuple[Tensor, Tensor]:
    """Look up value and steepness at every log-odds."""
    there = log_odds.to("cpu", torch.float64).contiguous()
    of_row = None if squares is None else squares.to("cpu", torch.float64).contiguous()
    found = torch.empty(2, there.numel(), dtype=torch.float64, device="cpu")
    curve(
        criterion,
        at,
        there.data_ptr(),
        0 if of_row is None else of_row.data_ptr(),
        there.numel(),
        found[0].data_ptr(),
        found[1].data_ptr(),
    )
    found = found.to(log_odds.device, log_odds.dtype)
    return found[0], found[1]


def _check_targets(targets: Tensor, ignored: Tensor, classes: int) -> None:
    wrong = ~ignored & ((targets < 0) | (targets >= classes))
    if bool(wrong.any()):
        row = int(wrong.int().argmax())
        raise IndexError(f"target {int(targets[row])} in row {row} is not below the {classes} classes")


def _check_logits(
    logits: Tensor, z: Tensor, own: Tensor, others: Tensor, alone: Tensor, ignored: Tensor
) -> None:
    """Refuse NaN, +inf, and rows of nothing but -inf."""
    nothing = (own == -torch.inf) & alone
    bad = own.isnan() | (own == torch.inf) | others.isnan() | (others == torch.inf) | nothing
    bad &= ~ignored
    if not bool(bad.any()):
        return
    row = int(bad.int().argmax())
    values = logits[row]
    wrong = values.isnan() | (values == torch.inf)
    column = int(wrong.int().argmax())
    raise ValueError(f"the logit in row {row}, column {column} is {float(values[column])}")
