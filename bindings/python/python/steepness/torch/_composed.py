"""Losses as operations of PyTorch, on any device: of labels, and by `_composed_soft` of weights of classes.

Of labels: with the label's logit masked, one softmax over a row gives the softmax o of the others and their
log-sum-exp; the difference u of the label's logit to that are its log-odds, so that 1 - p is never
computed as such. The curve is evaluated in Rust, in float64, at one u a row: on another device than the
CPU one number a row goes there and two come back. o times the steepness is the gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from steepness._core import Criterion, curve
from steepness.torch import _composed_soft
from steepness.torch._adjusted import adjusted, pulled_back, refuse
from steepness.torch._dtypes import gradient_dtype, loss_dtype
from steepness.torch._layout import Layout
from steepness.torch._term import terms_of_rows

if TYPE_CHECKING:
    from steepness._core import Term


def supports(criterion: Criterion, layout: Layout) -> bool:
    """Tell whether it is a sum of rows of their own, by a curve that can be looked up or is written out."""
    terms = terms_of_rows(criterion)
    if not terms or not all(term["softmax"] for term in terms):
        return False
    return all(_composed_soft.supports(term) for term in terms if layout.soft or term["smoothing"] > 0.0)


def compute(
    criterion: Criterion,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    layout: Layout,
    wanted: bool,
) -> tuple[Tensor, Tensor | None]:
    """Compute as `_backend.Backend` says."""
    if not supports(criterion, layout):
        raise ValueError(f"{criterion.spec} of such targets is not composed: it takes the CPU's kernels")
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
    classes = criterion.classes
    if layout.soft:
        targets = targets.detach().to(dtype).movedim(layout.axis, -1).reshape(-1, classes)
        _check_weights(targets)
        ignored = torch.zeros(targets.shape[0], dtype=torch.bool, device=logits.device)
    else:
        targets = targets.reshape(-1).to(torch.int64)
        ignored = targets == criterion.ignore_index
        _check_labels(targets, ignored, classes)
        targets = targets.masked_fill(ignored, 0)
    samples = torch.ones_like(ignored, dtype=dtype)
    if sample_weight is not None:
        layout.check_sample_weight(sample_weight)
        samples = sample_weight.detach().reshape(-1).to(logits.device, dtype)
        if not bool(((samples >= 0) & samples.isfinite()).all()):
            raise ValueError("sample weights must be finite numbers >= 0")
    samples = samples.masked_fill(ignored, 0.0)

    total = torch.zeros_like(samples)
    gradient: Tensor | None = None
    for at, term in enumerate(criterion.terms()):
        divisor = samples
        label_weights = None
        if term["class_weights"] is not None and not layout.soft:
            of_class = torch.tensor(term["class_weights"], dtype=dtype, device=logits.device)
            label_weights = of_class[targets]
            if term["by_weights"]:
                divisor = samples * label_weights
        scale = torch.ones((), dtype=dtype, device=logits.device)
        if criterion.reduction == "mean":
            by = divisor.sum()
            scale = torch.where(by > 0, 1.0 / by, 0.0)
        weights = samples * scale
        if layout.soft or term["smoothing"] > 0.0:
            t = _composed_soft.targets_of(term, targets, classes, dtype)
            losses, slope = _composed_soft.term_of_rows(term, rows, t, weights, ignored, wanted)
        else:
            if label_weights is not None:
                weights = weights * label_weights
            label = targets.unsqueeze(1)
            losses, slope = _term(criterion, at, term, rows, label, weights, ignored, wanted)
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
    z = adjusted(term, logits, dtype)
    own = z.gather(1, label).squeeze(1)
    if term["margins"] is not None:
        margins = torch.tensor(term["margins"], dtype=dtype, device=z.device)
        own = own - margins[label.squeeze(1)] * term["after"]
    masked = z.scatter(1, label, -torch.inf)
    others = masked.logsumexp(1)
    alone = masked.amax(1) == -torch.inf
    nothing = (own == -torch.inf) & alone
    bad = own.isnan() | (own == torch.inf) | others.isnan() | (others == torch.inf) | nothing
    refuse(logits, bad & ~ignored)
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
    return losses, pulled_back(term, gradient, logits)


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


def _check_labels(targets: Tensor, ignored: Tensor, classes: int) -> None:
    wrong = ~ignored & ((targets < 0) | (targets >= classes))
    if bool(wrong.any()):
        row = int(wrong.int().argmax())
        raise IndexError(f"target {int(targets[row])} in row {row} is not below the {classes} classes")


def _check_weights(targets: Tensor) -> None:
    wrong = ~((targets >= 0) & targets.isfinite())
    if bool(wrong.any()):
        row, column = divmod(int(wrong.int().argmax()), targets.shape[1])
        value = float(targets[row, column])
        raise ValueError(f"soft target {value} in row {row}, class {column} is not a finite number >= 0")
