"""Whoever computes a loss for PyTorch, on the CPU all: the Rust kernels, PyTorch's operations, Triton."""

import pytest
import torch
from steepness._core import Criterion
from steepness.torch import _composed, _kernel
from steepness.torch._layout import Layout, layout
from torch import Tensor


def by_rust(criterion: Criterion, z: Tensor, targets: Tensor, where: Layout):
    return _kernel.compute(criterion, z, targets, None, where, True)


def composed(criterion: Criterion, z: Tensor, targets: Tensor, where: Layout):
    if not _composed.supports(criterion, where):
        # It goes through the CPU: a curve of every class that is not written out.
        assert not criterion.spec.startswith(("ce", "el(le"))
        pytest.skip("not composed")
    return _composed.compute(criterion, z, targets, None, where, True)


def by_triton(criterion: Criterion, z: Tensor, targets: Tensor, where: Layout):
    """In the interpreter, where one program takes all of many short rows."""
    pytest.importorskip("triton")
    from steepness.torch import _triton, _triton_backend

    assert _triton_backend.supports(criterion, z, where)
    with pytest.MonkeyPatch.context() as patch:
        if z.shape[where.axis] <= 64 and where.rows() > 64:
            patch.setattr(_triton, "tile", lambda classes: _triton.Tile(16384, 64, 1, 4))
        return _triton_backend.compute(criterion, z, targets, None, where, True)


PATHS = pytest.mark.parametrize(
    "compute, dtype",
    [
        pytest.param(by_rust, torch.float64, id="rust"),
        pytest.param(by_rust, torch.float32, id="rust32"),
        pytest.param(composed, torch.float64, id="composed"),
        pytest.param(composed, torch.float32, id="composed32"),
        pytest.param(by_triton, torch.float32, id="triton"),
    ],
)


def computed(compute, criterion: Criterion, z: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and gradient."""
    return compute(criterion, z, targets, layout(z, targets))
