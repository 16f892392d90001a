"""Arrays of NumPy as the Rust side takes them: contiguous memory and its address."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def address(array: Array) -> int:
    """Tell where the first element is."""
    return cast(int, array.__array_interface__["data"][0])


def contiguous(array: Array) -> Array:
    """Give the array itself where it is contiguous and in the machine's byte order, else a copy."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return np.ascontiguousarray(array).reshape(array.shape)


def floats(values: npt.ArrayLike, what: str) -> Array:
    """Make it contiguous float64."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
        raise TypeError(f"{what} of {array.dtype}: expected numbers")
    return contiguous(array.astype(np.float64, copy=False))


def integers(values: npt.ArrayLike, what: str) -> Array:
    """Make it contiguous int64."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{what} of {array.dtype}: expected integers")
    return contiguous(array.astype(np.int64, copy=False))
