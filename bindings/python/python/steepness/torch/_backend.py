"""Who computes: the Rust kernels, Triton, or operations of PyTorch, by where the logits are."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from torch import Tensor

from steepness._core import Criterion
from steepness.torch import _composed, _kernel
from steepness.torch._layout import Layout


class Backend(Protocol):
    """What computes a loss and its gradient, both detached."""

    def __call__(
        self,
        criterion: Criterion,
        logits: Tensor,
        targets: Tensor,
        sample_weight: Tensor | None,
        layout: Layout,
        wanted: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Give the reduced loss, or one a row, and the gradient of the (sum of the) losses.

        The gradient has the shape of the logits and `gradient_dtype`, and is there where it is `wanted`;
        then running means of the criterion move. Nothing is recorded.
        """


def _triton() -> Backend | None:
    """Triton's, where it is installed."""
    try:
        module = import_module("steepness.torch._triton_backend")
    except ImportError:
        return None
    return cast(Backend, module.compute)


def choose(criterion: Criterion, logits: Tensor, layout: Layout) -> Backend:
    """Find who computes this loss where the logits are."""
    if logits.is_cpu:
        return _kernel.compute
    if logits.device.type == "cuda":
        triton = _triton()
        if triton is not None and triton.supports(criterion, logits, layout):  # type: ignore[attr-defined]
            return triton
    if _composed.supports(criterion, layout):
        return _composed.compute
    return _kernel.through_cpu
