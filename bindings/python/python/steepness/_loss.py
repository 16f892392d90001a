"""`loss`: a loss and its gradient, for arrays of NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from steepness._arrays import Array, address, contiguous, floats, integers
from steepness._core import Criterion

Value = float | Array


@overload
def loss(
    spec: str,
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    gradient: Literal[False] = False,
    *,
    weight: npt.ArrayLike | None = None,
    class_counts: Sequence[int] | npt.NDArray[Any] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    epoch: tuple[int, int] | None = None,
) -> Value: ...
@overload
def loss(
    spec: str,
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    gradient: Literal[True],
    *,
    weight: npt.ArrayLike | None = None,
    class_counts: Sequence[int] | npt.NDArray[Any] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    epoch: tuple[int, int] | None = None,
) -> tuple[Value, Array]: ...
def loss(
    spec: str,
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    gradient: bool = False,
    *,
    weight: npt.ArrayLike | None = None,
    class_counts: Sequence[int] | npt.NDArray[Any] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    epoch: tuple[int, int] | None = None,
) -> Value | tuple[Value, Array]:
    """Compute a loss of logits, and its gradient, in one pass.

    Parameters
    ----------
    spec
        The loss as one line, such as ``"el(le=0.75)"``.
    z
        Logits of float32, float64, float16 or bfloat16 (of `ml_dtypes`), of shape (N, C), (C,) or
        (N, C, d...). What is contiguous is not copied.
    y
        Classes, integers of that shape without C; or a weight for each class, of the shape of `z`.
    gradient
        Whether to return the gradient with respect to `z` as well.
    weight
        A weight >= 0 for each class, (C,).
    class_counts
        How many training examples each class has, (C,), for losses that ask for it.
    sample_weight
        A weight >= 0 for each row, of the shape of `z` without C.
    ignore_index
        The class that makes a row count for nothing.
    reduction
        ``"mean"`` over the sum of the weights, ``"sum"`` or ``"none"``. The mean of nothing is 0.
    label_smoothing
        As in PyTorch: the target becomes (1 - e) one-hot + e/C.
    epoch
        The epoch, from 1, and how many there are, for losses that change as training goes on.

    Returns
    -------
    float or numpy.ndarray
        The loss; for ``"none"`` one a row, of the shape of `z` without C, of float64 or float32.
    numpy.ndarray
        The gradient, of the shape and type of `z`, where it was asked for; for ``"none"`` that of the
        sum of the losses.

    Raises
    ------
    ValueError
        A spec that cannot be read, shapes that do not fit, a logit of NaN or +inf, by row and column.
    IndexError
        A class that is not below C, with its row.
    TypeError
        Logits or targets of another type.

    Notes
    -----
    For every loss L(p) of the label's probability the gradient is w(p) (p_k - 1[k = y]) with
    w(p) = -p L'(p). Sums over the *other* classes give 1 - p, which is never computed as such: the
    gradient of the exact encouraging loss is -1 on the label at any confidence (Zhao et al., AAAI 2022,
    eq. 6).

    Examples
    --------
    >>> import numpy as np, steepness
    >>> z = np.array([[2.0, -1.0, 0.5, 1.5]])
    >>> value, g = steepness.loss("el(le=1, clamp=0)", z, [0], gradient=True)
    >>> round(value, 6), round(float(g[0, 0]), 6)
    (-0.128461, -1.0)
    """
    logits = contiguous(np.asarray(z))
    targets = np.asarray(y)
    if logits.ndim == 0:
        raise ValueError("logits of shape (): expected (N, C), (C,) or (N, C, d...)")
    axis = 0 if logits.ndim == 1 else 1
    classes = logits.shape[axis]
    of_rows = logits.shape[:axis] + logits.shape[axis + 1 :]
    soft = targets.dtype.kind == "f" or targets.dtype.name == "bfloat16"
    expected = logits.shape if soft else of_rows
    if targets.shape != expected:
        raise ValueError(
            f"logits of shape {logits.shape} with targets of shape {targets.shape}: "
            f"expected classes of shape {of_rows}, or weights of shape {logits.shape}"
        )
    if soft:
        targets = contiguous(targets.astype(logits.dtype, copy=False))
    else:
        targets = integers(targets, "targets")
    weights = None
    if sample_weight is not None:
        weights = floats(sample_weight, "sample weights")
        if weights.shape != of_rows:
            raise ValueError(f"sample weights of shape {weights.shape}: expected {of_rows}")
    criterion = Criterion(
        spec,
        classes,
        counts=None if class_counts is None else integers(class_counts, "class counts").tolist(),
        weight=None if weight is None else floats(weight, "weight").tolist(),
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )
    if epoch is not None:
        criterion.state = [float(epoch[0]), float(epoch[1]), -1.0, -1.0, -1.0]
    rows = math.prod(of_rows)
    slope = np.empty_like(logits) if gradient else None
    losses = np.empty(of_rows, np.float64) if reduction == "none" else None
    value: Value = criterion.compute(
        logits.dtype.name,
        address(logits),
        0 if slope is None else address(slope),
        address(targets),
        soft,
        rows,
        math.prod(logits.shape[axis + 1 :]) or 1,
        0 if weights is None else address(weights),
        0 if losses is None else address(losses),
    )
    if losses is not None:
        value = losses if logits.dtype == np.float64 else losses.astype(np.float32)
    return value if slope is None else (value, slope)
