"""Where the classes are in a tensor of logits."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Layout(NamedTuple):
    """The shape of logits, as rows of classes."""

    axis: int
    """The dimension of the classes."""
    of_rows: tuple[int, ...]
    """The shape without the classes."""
    soft: bool
    """Whether the targets are weights of classes."""

    def rows(self) -> int:
        """How many rows."""
        return math.prod(self.of_rows)

    def inner(self) -> int:
        """Elements from one class to the next; 1 of a tensor without elements."""
        return math.prod(self.of_rows[self.axis :]) or 1

    def check_sample_weight(self, sample_weight: Tensor) -> None:
        """Refuse weights that are not one a row."""
        if sample_weight.shape != self.of_rows:
            raise ValueError(
                f"sample weights of shape {tuple(sample_weight.shape)}: expected {tuple(self.of_rows)}"
            )


def layout(logits: Tensor, targets: Tensor) -> Layout:
    """Find the classes as `torch.nn.CrossEntropyLoss` does: in dimension 1, or the only one.

    Beyond that logits (B, T, C) with targets (B, T) are taken as they are, where T is not C as well.
    """
    shape = logits.shape
    if len(shape) == 2 and targets.dtype is torch.int64 and targets.shape == shape[:1]:
        return Layout(1, targets.shape, False)
    if not shape:
        raise ValueError("logits of shape (): expected (C,), (N, C), (N, C, d...) or (B, T, C)")
    soft = targets.is_floating_point()
    axis = 0 if len(shape) == 1 else 1
    of_rows = shape[:axis] + shape[axis + 1 :]
    if soft:
        fits = targets.shape == shape
    else:
        fits = targets.shape == of_rows
        if not fits and len(shape) > 2 and targets.shape == shape[:-1]:
            axis, of_rows, fits = len(shape) - 1, shape[:-1], True
    if not fits:
        raise ValueError(
            f"logits of shape {tuple(shape)} with targets of shape {tuple(targets.shape)}: expected "
            f"classes of shape {tuple(of_rows)}, or weights of shape {tuple(shape)}"
        )
    if not soft and targets.is_complex():
        raise TypeError(f"targets of {targets.dtype}: expected integers, or weights of classes")
    return Layout(axis, of_rows, soft)
