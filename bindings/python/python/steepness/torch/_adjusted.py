"""What happens to logits before a curve sees them, and to its gradient after, as operations of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from steepness._core import Term


def adjusted(term: Term, logits: Tensor, dtype: torch.dtype) -> Tensor:
    """Give the rows (N, C) of `dtype` as the curve sees them, but for the label's margin."""
    z = logits.to(dtype)
    cap, scale = term["soft_cap"], term["before"] * term["after"]
    if cap is not None:
        # A mask stays a mask, and +inf an error.
        z = torch.where(z.isinf(), z, cap * torch.tanh(z / cap))
    if scale != 1.0:
        z = z * scale
    if term["offsets"] is not None:
        z = z + torch.tensor(term["offsets"], dtype=dtype, device=z.device) * term["after"]
    return z


def pulled_back(term: Term, gradient: Tensor, logits: Tensor) -> Tensor:
    """Go from the gradient of adjusted logits to that of the logits."""
    cap, scale = term["soft_cap"], term["before"] * term["after"]
    if scale != 1.0:
        gradient = gradient * scale
    if cap is not None:
        # 1 - tanh^2 would cancel where the cap bites.
        e = torch.exp(-2.0 / cap * logits.to(gradient.dtype).abs())
        gradient = gradient * (4.0 * e / (1.0 + e) ** 2)
    return gradient


def refuse(logits: Tensor, bad: Tensor) -> None:
    """Raise an error about the first of the `bad` rows: NaN, +inf, or nothing but -inf."""
    if not bool(bad.any()):
        return
    row = int(bad.int().argmax())
    values = logits[row]
    wrong = values.isnan() | (values == torch.inf)
    column = int(wrong.int().argmax())
    raise ValueError(f"the logit in row {row}, column {column} is {float(values[column])}")
