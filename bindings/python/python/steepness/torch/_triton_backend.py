"""The Triton kernels behind `_backend`: importing this fails where Triton is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from steepness.torch import _triton
from steepness.torch._dtypes import gradient_dtype
from steepness.torch._term import Term, terms_of_rows

if TYPE_CHECKING:
    from steepness._core import Criterion
    from steepness.torch._layout import Layout


def supports(criterion: Criterion, logits: Tensor, layout: Layout) -> bool:
    """Tell whether the kernels know this loss and these logits."""
    if logits.dtype not in _triton.DTYPES:
        return False
    return _triton.supports([Term.read(term) for term in terms_of_rows(criterion)], layout.soft)


def compute(
    criterion: Criterion,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    layout: Layout,
    wanted: bool,
) -> tuple[Tensor, Tensor | None]:
    """Compute as `_backend.Backend` says.

    Nobody waits for the device: a class out of range and a logit that is no number make the loss NaN.
    """
    terms = [Term.read(term) for term in terms_of_rows(criterion)]
    term = terms[0] if _triton.supports(terms, layout.soft) else None
    if term is None:
        raise ValueError(f"{criterion.spec} of such targets has no Triton kernel")
    with torch.no_grad():
        gradient = None
        if wanted:
            gradient = torch.empty_like(logits, dtype=gradient_dtype(logits))
        found = _triton.loss_and_gradient(
            term,
            logits.detach().movedim(layout.axis, min(1, logits.dim() - 1)),
            targets.movedim(layout.axis, min(1, logits.dim() - 1)) if layout.soft else targets,
            sample_weight=sample_weight,
            ignore_index=criterion.ignore_index,
            reduction=criterion.reduction,
            into=None if gradient is None else gradient.movedim(layout.axis, min(1, logits.dim() - 1)),
        )
        loss = found.rows.reshape(layout.of_rows) if criterion.reduction == "none" else found.loss
        return loss, gradient


compute.supports = supports  # type: ignore[attr-defined]
