"""Of which types a loss and its gradient are, whoever computes them."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient_dtype(logits: Tensor) -> torch.dtype:
    """Float16 would lose what scaling of the loss is there to save: it is kept in float32."""
    return torch.float32 if logits.dtype == torch.float16 else logits.dtype


def loss_dtype(logits: Tensor) -> torch.dtype:
    """Half precision has too few digits for a sum."""
    return torch.float64 if logits.dtype == torch.float64 else torch.float32
