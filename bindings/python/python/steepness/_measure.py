"""`measure`: what a classifier's logits and features are worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from steepness import _core
from steepness._arrays import Array, address, floats, integers


class Measurements(Mapping[str, Any]):
    """What was measured: numbers by their names, as `steepness measure --json` has them.

    ``m["accuracy"]`` and ``m["calibration"]["ece"]``, or all in one level by `flat`. Shares are
    fractions. What is infinite or does not exist is None. In a notebook it shows itself as a table.
    """

    def __init__(self, record: dict[str, Any], meanings: dict[str, str]) -> None:
        self._record = record
        self._meanings = meanings

    def __getitem__(self, name: str) -> Any:
        return self._record[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def __len__(self) -> int:
        return len(self._record)

    def flat(self) -> dict[str, float | None]:
        """Give the numbers by names such as ``"ood.svhn.msp.auroc"``."""
        found: dict[str, float | None] = {}

        def visit(prefix: str, value: Any) -> None:
            if isinstance(value, Mapping):
                for name, inner in value.items():
                    visit(f"{prefix}.{name}" if prefix else name, inner)
            elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
                found[prefix.removeprefix("numbers.")] = value

        visit("", self._record)
        return found

    def __repr__(self) -> str:
        return "\n".join(f"{name:<44}{_shown(value):>14}" for name, value in self.flat().items())

    def _repr_html_(self) -> str:
        def row(name: str, value: float | None) -> str:
            meaning = self._meanings.get(name) or self._meanings.get(name.rsplit(".", 1)[-1], "")
            title = f' title="{escape(meaning)}"' if meaning else ""
            return (
                f'<tr><th style="text-align:left"{title}>{escape(name)}</th>'
                f'<td style="text-align:right">{_shown(value)}</td></tr>'
            )

        rows = "".join(row(name, value) for name, value in self.flat().items())
        return f"<table><tbody>{rows}</tbody></table>"


def _shown(value: float | None) -> str:
    if value is None:
        return "undefined"
    return str(value) if isinstance(value, int) else f"{value:.6f}"


def measure(
    logits: Any,
    labels: Any,
    *,
    val_logits: Any = None,
    val_labels: Any = None,
    ood_logits: Mapping[str, Any] | None = None,
    train_counts: Any = None,
    features: Any = None,
    neighbours: int = 20,
) -> Measurements:
    """Measure a classifier by its logits: accuracy, likelihood, calibration, margins, energies.

    Parameters
    ----------
    logits
        (N, C) floats: arrays, or tensors on any device; so are all others.
    labels
        (N,) classes from 0 to C - 1.
    val_logits, val_labels
        (V, C) and (V,) of validation examples: adds the calibration with the temperature that fits them
        best (Guo et al. 2017).
    ood_logits
        (M, C) of examples of other data sets, by their names: adds how well scores tell them apart;
        in-distribution is the positive class.
    train_counts
        (C,): how many training examples each class has; adds the accuracy of classes with many (above
        100), medium and few (below 20).
    features
        (N, D), what enters the last layer: adds nearest neighbours and class separation.
    neighbours
        How many vote on a label.

    Returns
    -------
    Measurements
        Numbers by their names.

    Raises
    ------
    ValueError
        Arrays that do not fit each other, NaN, labels that are no class, with the place; one class only.
    TypeError
        What is no number.

    Examples
    --------
    >>> import steepness
    >>> logits = [[4.0, 0.0, 0.0], [0.0, 5.0, 0.0], [1.0, 0.0, 2.0], [3.0, 0.0, 0.0]]
    >>> m = steepness.measure(logits, [0, 1, 2, 1])
    >>> m["accuracy"], m["margin_mean"]
    (0.75, 1.75)
    """
    if (val_logits is None) != (val_labels is None):
        raise ValueError("val_logits and val_labels go together")
    kept: list[Array] = []

    def matrix(values: Any, what: str) -> tuple[int, int, int]:
        array = floats(_plain(values), what)
        if array.ndim != 2:
            raise ValueError(f"{what} of shape {array.shape}: expected two dimensions")
        kept.append(array)
        return address(array), array.shape[0], array.shape[1]

    def vector(values: Any, what: str) -> tuple[int, int]:
        array = integers(_plain(values), what)
        if array.ndim != 1:
            raise ValueError(f"{what} of shape {array.shape}: expected one dimension")
        kept.append(array)
        return address(array), len(array)

    validation = None
    if val_logits is not None:
        validation = matrix(val_logits, "val_logits"), vector(val_labels, "val_labels")
    text = _core.measure(
        matrix(logits, "logits"),
        vector(labels, "labels"),
        validation,
        [(name, matrix(of, f"ood_logits[{name!r}]")) for name, of in (ood_logits or {}).items()],
        None if train_counts is None else vector(train_counts, "train_counts"),
        None if features is None else matrix(features, "features"),
        neighbours,
    )
    record = json.loads(text)
    return Measurements(record, record.pop("meanings"))


def _plain(values: Any) -> Any:
    """Bring tensors to the CPU, and half precision to what NumPy knows."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if "float16" in str(values.dtype):
            values = values.float()
        return np.asarray(values)
    return values
