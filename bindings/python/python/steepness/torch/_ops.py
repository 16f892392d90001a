"""The operator ``steepness::loss``, which `torch.compile` and `torch.export` put into their graphs.

All that decides the loss is among its arguments, so that a graph may be kept and loaded elsewhere. It
gives the loss, the gradient of the (sum of the) losses, and the running means as they are afterwards.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from steepness._core import Criterion
from steepness.torch._attach import scaled
from steepness.torch._backend import choose
from steepness.torch._dtypes import gradient_dtype, loss_dtype
from steepness.torch._layout import layout

SCHEMA = (
    "(Tensor logits, Tensor targets, Tensor? sample_weight, Tensor? weight, Tensor? state, str spec, "
    "int[]? class_counts, int ignore_index, str reduction, bool wanted) -> (Tensor, Tensor, Tensor)"
)


@lru_cache(maxsize=256)
def _criterion(
    spec: str, classes: int, counts: tuple[int, ...] | None, ignore_index: int, reduction: str
) -> Criterion:
    counted = None if counts is None else list(counts)
    return Criterion(spec, classes, counts=counted, ignore_index=ignore_index, reduction=reduction)


def _loss(
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    weight: Tensor | None,
    state: Tensor | None,
    spec: str,
    class_counts: list[int] | None,
    ignore_index: int,
    reduction: str,
    wanted: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    where = layout(logits, targets)
    classes = logits.shape[where.axis]
    counts = None if class_counts is None else tuple(class_counts)
    if weight is None and state is None:
        criterion = _criterion(spec, classes, counts, ignore_index, reduction)
    else:
        criterion = Criterion(
            spec,
            classes,
            counts=class_counts,
            weight=None if weight is None else weight.tolist(),
            reduction=reduction,
            ignore_index=ignore_index,
        )
        if state is not None:
            criterion.state = state.tolist()
    compute = choose(criterion, logits, where)
    loss, gradient = compute(criterion, logits, targets, sample_weight, where, wanted)
    if gradient is None:
        gradient = logits.new_empty(0, dtype=gradient_dtype(logits))
    after = torch.tensor([] if state is None else criterion.state, dtype=torch.float64, device="cpu")
    return loss, gradient, after


def _shapes(
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    weight: Tensor | None,
    state: Tensor | None,
    spec: str,
    class_counts: list[int] | None,
    ignore_index: int,
    reduction: str,
    wanted: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    where = layout(logits, targets)
    shape = where.of_rows if reduction == "none" else ()
    loss = logits.new_empty(shape, dtype=loss_dtype(logits))
    gradient = logits.new_empty(logits.shape if wanted else (0,), dtype=gradient_dtype(logits))
    after = torch.empty(0 if state is None else 5, dtype=torch.float64, device="cpu")
    return loss, gradient, after


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    logits, targets = inputs[:2]
    _, gradient, after = output
    ctx.mark_non_differentiable(gradient, after)
    ctx.save_for_backward(gradient)
    ctx.axis = layout(logits, targets).axis
    ctx.dtype = logits.dtype
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, by: Tensor | None, *_: Tensor | None) -> tuple[Tensor | None, ...]:
    (gradient,) = ctx.saved_tensors
    found = None if by is None else scaled(gradient, by, ctx.axis, ctx.dtype)
    return (found, *[None] * 9)


def register() -> None:
    """Make the operator known to PyTorch, once."""
    if hasattr(torch.ops.steepness, "loss"):
        return
    torch.library.define("steepness::loss", SCHEMA)
    torch.library.impl("steepness::loss", "default", _loss)
    torch.library.register_fake("steepness::loss", _shapes)
    torch.library.register_autograd("steepness::loss", _backward, setup_context=_save)
