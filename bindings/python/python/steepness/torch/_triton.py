"""Losses on a GPU: one Triton kernel computes the loss of every row and the gradient of all of it.

What it covers (`supports`): every softmax curve of the library (``ce``, ``el`` in all its forms,
``aggressive``, ``power``, ``cosine``, ``poly``, ``focal``, ``antifocal``, ``halted``, ``gce``, ``prob``,
``deft``) with label smoothing, soft targets, class and sample weights, ``ignore_index``, temperature,
soft cap, priors, margins and z-loss. What it does not: losses that are no softmax curve (``bce``, ``mse``,
``mae``, ``multimargin``), and losses of two passes (a bonus with a smoothing or weights of its own,
``jsd``). Those are composed of PyTorch's operations.

Logits are float32, bfloat16 or float16 with any strides; all is computed in float32. How often memory is
touched, by `tile`: a row of up to 32,768 classes is read once and its gradient written once; of longer
rows each logit is read twice for labels, and three times (soft targets twice) for smoothed and soft
targets.

The kernel runs where Triton runs (CUDA and ROCm), and with ``TRITON_INTERPRET=1``, set before this module
is imported, on the CPU, where it is slow and tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import triton  # type: ignore[import-untyped]
from torch import Tensor

from . import _triton_kernels as kernels
from ._term import Term

SINGLE = 32768
"""Longest row that one block holds: 32 elements a thread of 1,024."""
BLOCK = 8192
"""Block of longer rows."""
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class Result(NamedTuple):
    """What a batch gave.

    Attributes
    ----------
    rows
        (N,) float32: the loss of each row with its weights, 0 for ignored rows.
    scale
        () float32: what the reduction multiplies their sum by, one over the sum of weights for a mean
        (0 where nothing counts).
    """

    rows: Tensor
    scale: Tensor

    @property
    def loss(self) -> Tensor:
        """The reduced loss, () float32."""
        return self.rows.sum() * self.scale


class Tile(NamedTuple):
    """How a kernel cuts its rows: by rule, since tuning needs a device and makes runs differ."""

    rows: int
    block: int
    blocks: int
    warps: int


def tile(classes: int) -> Tile:
    """Give rows and columns of a block, the blocks of a row, and the warps.

    Examples
    --------
    >>> tile(10)
    Tile(rows=64, block=16, blocks=1, warps=4)
    >>> tile(1000)
    Tile(rows=1, block=1024, blocks=1, warps=4)
    >>> tile(128256)
    Tile(rows=1, block=8192, blocks=16, warps=16)
    """
    block: int = triton.next_power_of_2(classes)
    if block > SINGLE:
        block = BLOCK
    rows = max(1, 1024 // max(block, 16))
    # About 16 elements a thread, and no more than 1,024 threads.
    warps = min(max(4, rows * block // 512), 32)
    # A wavefront of AMD's data-centre GPUs has 64 threads.
    return Tile(rows, block, -(-classes // block), min(warps, 16) if torch.version.hip else warps)


def supports(terms: Sequence[Term | None], soft: bool) -> bool:
    """Tell whether `loss_and_gradient` computes a loss of these terms.

    Parameters
    ----------
    terms
        What the Rust library makes of the spec at its present epoch; None for what is unknown here.
    soft
        Whether targets are probabilities.
    """
    if len(terms) != 1 or terms[0] is None:
        return False
    # A margin on the label's logit needs one label a row.
    return terms[0].margins is None or not (soft or terms[0].smooth > 0.0)


def loss_and_gradient(
    term: Term,
    logits: Tensor,
    targets: Tensor,
    *,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    into: Tensor | None = None,
    check: bool = False,
) -> Result:
    """Compute the loss of every row and, where there is room `into`, the gradient of the reduced loss.

    Parameters
    ----------
    term
        The loss.
    logits
        (C,), (N, C) or (N, C, d…), of float32, bfloat16 or float16.
    targets
        Classes, shaped as the logits without C, or probabilities, shaped as the logits.
    weight
        (C,): a weight for each class, in place of the term's own.
    sample_weight
        Shaped as the logits without C: multiplies loss and gradient of a row.
    ignore_index
        The class of rows that count for nothing.
    reduction
        ``mean`` (over the weights of what counts), ``sum`` or ``none``: what the gradient is of; for
        ``none`` that is the sum.
    into
        Where the gradient goes: a tensor shaped as the logits, of any float type and any strides, or
        the logits themselves.
    check
        Look for a class out of range first, which waits for the device. Without it such a row has the
        loss NaN and a gradient of NaN; memory out of bounds is never touched.

    Raises
    ------
    TypeError
        Another type of logits or targets.
    ValueError
        Shapes that do not fit each other.
    IndexError
        With `check`: a class that is neither `ignore_index` nor below C, with its row.
    """
    if logits.dtype not in DTYPES:
        raise TypeError(f"logits of {logits.dtype}: the kernel takes float32, bfloat16 and float16")
    z = _rows_of_classes(logits)
    count, classes, inner = z.shape
    rows = count * inner
    if classes == 0:
        raise ValueError(f"logits of shape {tuple(logits.shape)} have no classes")
    soft = targets.dtype.is_floating_point
    if not supports([term], soft):
        raise ValueError("a margin on the label's logit needs one label a row")
    _check_shape("targets", targets, logits.shape if soft else _without_classes(logits))
    labels = not soft
    if labels:
        targets = targets.reshape(-1).to(torch.int64).contiguous()
        if check:
            _check_labels(targets, classes, ignore_index)
    else:
        targets = _rows_of_classes(targets)
    given = weight
    if given is not None:
        _check_shape("weight", given, torch.Size((classes,)))
        given = given.to(logits.device, torch.float32).contiguous()
    else:
        given = _numbers(term.weights, classes, logits.device)
    samples = sample_weight
    if samples is not None:
        _check_shape("sample_weight", samples, _without_classes(logits))
        samples = samples.to(logits.device, torch.float32).reshape(-1).contiguous()
    by_class = given if labels and term.by_weights else None
    scale = _scale(reduction, targets if labels else None, rows, by_class, samples, ignore_index, z)

    if into is not None:
        _check_shape("into", into, logits.shape)
    losses = torch.empty(rows, dtype=torch.float32, device=logits.device)
    if rows == 0:
        return Result(losses, scale)
    g = z if into is None else _rows_of_classes(into, copy=False)
    cut = tile(classes)
    grid = (triton.cdiv(rows, cut.rows),)
    bonus = None if term.bonus is None else term.bonus.part.name
    numbers = (*term.base_numbers(), *term.bonus_numbers())
    offsets = _numbers(term.offsets, classes, logits.device)
    shape = {"ROWS": cut.rows, "BLOCK": cut.block, "BLOCKS": cut.blocks, "num_warps": cut.warps}
    eights = classes % 8 == 0 and inner == 1 and z.stride(0) % 8 == 0 and g.stride(0) % 8 == 0
    unit = 8 if eights else 1
    sizes = (rows, classes // unit, inner, ignore_index)
    strides: tuple[int, ...] = (z.stride(0) // unit, z.stride(2), z.stride(1))
    strides += (g.stride(0) // unit, g.stride(2), g.stride(1))
    shape["EIGHTS"] = eights
    to = None if into is None else g
    with _device(logits):
        if labels and term.smooth == 0.0:
            margins = _numbers(term.margins, classes, logits.device)
            kernels.hard[grid](
                *(z, to, targets, losses, given, samples, scale, offsets, margins),
                *(*sizes, *strides),
                *(term.softcap, term.scale, term.zloss, *numbers),
                *(term.base.name, bonus),
                **shape,
            )
        else:
            t_strides = (0, 0, 0)
            if not labels:
                t_strides = (targets.stride(0), targets.stride(2), targets.stride(1))
            kernels.soft[grid](
                *(z, to, targets, losses, given, samples, scale, offsets),
                *(*sizes, *strides, *t_strides),
                *(term.softcap, term.scale, term.smooth, term.zloss, *numbers),
                *(term.base.name, bonus, labels),
                **shape,
            )
    return Result(losses, scale)


def _rows_of_classes(values: Tensor, copy: bool = True) -> Tensor:
    """(N, C, d) of (C,), (N, C) or (N, C, d…): a view, or a copy where there is none."""
    if values.dim() == 0:
        raise ValueError("logits without a dimension of classes")
    if values.dim() == 1:
        values = values.unsqueeze(0)
    if values.dim() == 2:
        values = values.unsqueeze(2)
    if values.dim() > 3:
        flat = (*values.shape[:2], -1 if values.numel() else 0)
        values = values.reshape(flat) if copy else values.view(flat)
    # The column's place in a row is a 32-bit number.
    if (values.shape[1] - 1) * values.stride(1) >= 2**31:
        if not copy:
            raise ValueError(f"strides {values.stride()} are too long for the kernel")
        values = values.contiguous()
    return values


def _without_classes(logits: Tensor) -> torch.Size:
    return torch.Size(()) if logits.dim() == 1 else logits.shape[:1] + logits.shape[2:]


def _check_shape(name: str, found: Tensor, expected: torch.Size) -> None:
    if found.shape != expected:
        raise ValueError(f"{name} of shape {tuple(found.shape)}: expected {tuple(expected)}")


def _check_labels(targets: Tensor, classes: int, ignore_index: int) -> None:
    wrong = ((targets < 0) | (targets >= classes)) & (targets != ignore_index)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise IndexError(f"target {int(targets[row])} in row {row} is not below the {classes} classes")


def _scale(
    reduction: str,
    labels: Tensor | None,
    rows: int,
    weight: Tensor | None,
    sample_weight: Tensor | None,
    ignore_index: int,
    like: Tensor,
) -> Tensor:
    """One over the sum of weights for a mean, on the device: nobody waits for it."""
    one = torch.ones((), dtype=torch.float32, device=like.device)
    if reduction in ("sum", "none"):
        return one
    if reduction != "mean":
        raise ValueError(f"reduction {reduction!r}: expected 'mean', 'sum' or 'none'")
    if labels is None:
        total = one * rows if sample_weight is None else sample_weight.sum()
    else:
        counted = labels != ignore_index
        weights = counted.to(torch.float32)
        if weight is not None:
            # A class out of range makes its own row NaN, not the sum.
            weights = weights * weight[labels.clamp(0, weight.numel() - 1)]
        if sample_weight is not None:
            weights = weights * sample_weight
        total = weights.sum()
    return torch.where(total > 0.0, one / total, 0.0 * one)


@lru_cache(maxsize=64)
def _tensor(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)


def _numbers(values: tuple[float, ...] | None, classes: int, device: torch.device) -> Tensor | None:
    """Give the numbers of the classes on the device, made once."""
    if values is None:
        return None
    if len(values) != classes:
        raise ValueError(f"the loss was made for {len(values)} classes, and the logits have {classes}")
    return _tensor(values, device)


def _device(tensor: Tensor) -> torch.cuda.device:
    """Kernels go to the current device, which must be the tensor's."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
