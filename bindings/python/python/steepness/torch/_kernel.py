"""The Rust kernels on tensors of the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from steepness._core import Criterion
from steepness.torch._layout import Layout

NAMES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
}
_FLOAT32 = torch.empty((), dtype=torch.float32, device="cpu")
_FLOAT64 = torch.empty((), dtype=torch.float64, device="cpu")


def compute(
    criterion: Criterion,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    layout: Layout,
    wanted: bool,
    inplace: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Compute as `_backend.Backend` says; with `inplace` the gradient takes the logits' memory."""
    if logits.dtype is torch.float16 and wanted:
        logits = logits.float()
    name = NAMES.get(logits.dtype)
    if name is None:
        raise TypeError(f"logits of {logits.dtype}: expected float32, float64, bfloat16 or float16")
    if logits.requires_grad:
        logits = logits.detach()
    logits = logits.contiguous()
    if layout.soft:
        targets = targets.detach().to(logits.dtype).contiguous()
    elif targets.dtype is not torch.int64 or not targets.is_contiguous():
        targets = targets.to(torch.int64).contiguous()
    if not targets.is_cpu:
        raise ValueError(f"targets on {targets.device}, logits on {logits.device}")
    weights = 0
    if sample_weight is not None:
        layout.check_sample_weight(sample_weight)
        sample_weight = sample_weight.detach().to("cpu", torch.float64).contiguous()
        weights = sample_weight.data_ptr()
    gradient = None
    if wanted:
        gradient = logits if inplace else torch.empty_like(logits)
    wide = logits.dtype is torch.float64
    each = criterion.reduction == "none"
    if each:
        loss = torch.empty(layout.of_rows, dtype=torch.float64, device="cpu")
    else:
        # A third of what it takes to make a tensor in any other way.
        loss = torch.empty_like(_FLOAT64 if wide else _FLOAT32)
    criterion.compute(
        name,
        logits.data_ptr(),
        0 if gradient is None else gradient.data_ptr(),
        targets.data_ptr(),
        layout.soft,
        layout.rows() if layout.soft else targets.numel(),
        1 if layout.axis == logits.ndim - 1 else layout.inner(),
        weights,
        loss.data_ptr() if each else 0,
        0 if each else loss.data_ptr(),
    )
    if each and not wide:
        loss = loss.float()
    return loss, gradient


def through_cpu(
    criterion: Criterion,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    layout: Layout,
    wanted: bool,
) -> tuple[Tensor, Tensor | None]:
    """Compute on the CPU what is somewhere else, and bring the result back."""
    there = logits.device
    loss, gradient = compute(criterion, logits.to("cpu"), targets.to("cpu"), sample_weight, layout, wanted)
    return loss.to(there), None if gradient is None else gradient.to(there)
