"""The gradient that a loss knows already, handed to autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from steepness._core import Criterion
from steepness.torch._layout import Layout

REFUSAL = (
    "the loss has no second derivative: it knows its gradient with its value. "
    "Take torch.nn.functional.cross_entropy where you need one"
)


class Once(Function):
    """A gradient that cannot be differentiated again, and says so."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *of: Tensor) -> Tensor:
        """Give the gradient."""
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> None:
        """Refuse."""
        raise RuntimeError(REFUSAL)


def _once(found: Tensor, by: Tensor) -> Tensor:
    """Make it depend on what cannot be asked for, so that whoever differentiates it is refused."""
    asked = found.new_zeros((), requires_grad=True)
    return cast(Tensor, Once.apply(found, by, asked))  # type: ignore[no-untyped-call]


def scaled(gradient: Tensor, by: Tensor, axis: int, dtype: torch.dtype) -> Tensor:
    """Multiply by what the loss is multiplied by: one number, or one a row."""
    if by.ndim > 0:
        by = by.unsqueeze(axis)
    return (gradient * by).to(dtype)


class Attached(Function):
    """A loss with the gradient that is computed with it."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        targets: Tensor,
        sample_weight: Tensor | None,
        compute: Callable[..., tuple[Tensor, Tensor]],
        criterion: Criterion,
        layout: Layout,
    ) -> Tensor:
        """Give the loss."""
        loss, gradient = compute(criterion, logits, targets, sample_weight, layout, True)
        ctx.save_for_backward(gradient)
        ctx.axis = layout.axis
        ctx.dtype = logits.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, *by: Tensor) -> tuple[Tensor | None, ...]:
        """Give the gradient, times what the loss is multiplied by."""
        (gradient,) = ctx.saved_tensors
        (factor,) = by
        one = factor.ndim == 0 and factor.device.type == "cpu" and factor.item() == 1.0
        if one and gradient.dtype is ctx.dtype:
            # A loss that is not multiplied, which saves a pass.
            found = gradient.detach()
        else:
            found = scaled(gradient, factor.detach(), ctx.axis, ctx.dtype)
        if torch.is_grad_enabled():
            # As long as nobody asks for a second derivative, `create_graph` does no harm.
            found = _once(found, factor)
        return found, None, None, None, None, None
