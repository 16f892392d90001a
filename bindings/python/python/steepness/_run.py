"""`Run`: what a training that is compared is told, and what it leaves behind.

``steepness compare --run 'python train.py'`` says by variables of the environment which run a script is to
make, and reads files in the run's folder when it has ended.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from steepness._arrays import Array

_PREFIX = "STEEPNESS_"
# Not what is varied.
_KNOWN = ("run", "loss", "seed", "out", "relay", "source", "test_data")


@dataclass
class Run:
    """One training of a comparison: a loss, a seed, a folder.

    Parameters
    ----------
    folder
        Where its results go; what else it writes, such as checkpoints, may lie there.
    loss
        The loss, as it is written; None where it has no part in the comparison.
    seed
        The seed that every random number is to depend on.
    options
        What else is varied, by names in lower case.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> run = Run(tempfile.mkdtemp(), loss="el(le=0.75)", seed=3)   # in a comparison: Run.current()
    >>> run.epoch(train_loss=0.5, val_accuracy=0.8)
    >>> run.test(np.array([[2.0, -1.0], [0.1, 0.2]]), [0, 1])
    >>> sorted(path.name for path in run.folder.iterdir())
    ['labels.npy', 'logits.npy', 'metrics.jsonl']
    """

    folder: Path
    loss: str | None = None
    seed: int = 0
    options: dict[str, str] = field(default_factory=dict)
    _epoch: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)

    @classmethod
    def current(cls, **otherwise: Any) -> Run:
        """Give the run that this process is to make.

        Parameters
        ----------
        otherwise
            Arguments of `Run` for a script that is started by hand: ``Run.current(folder="runs/try",
            loss="ce")``.

        Raises
        ------
        RuntimeError
            Outside of a comparison, where `otherwise` has no folder.
        """
        said = {
            name.removeprefix(_PREFIX).lower(): value
            for name, value in os.environ.items()
            if name.startswith(_PREFIX)
        }
        if "run" not in said:
            if "folder" in otherwise:
                Path(otherwise["folder"]).mkdir(parents=True, exist_ok=True)
                return cls(**otherwise)
            raise RuntimeError(
                f"{_PREFIX}RUN is not set: this is no run of `steepness compare`; "
                'Run.current(folder="runs/try") makes one by hand'
            )
        seed = said.get("seed", "0")
        if not seed.isdecimal():
            raise RuntimeError(f"{_PREFIX}SEED is {seed!r}, which is no seed")
        options = {k: v for k, v in said.items() if k not in _KNOWN}
        return cls(Path(said["run"]), said.get("loss"), int(seed), options)

    def epoch(self, **metrics: float) -> None:
        """Note what is known after an epoch; they are counted from 1.

        Parameters
        ----------
        metrics
            Numbers by their names, such as ``train_loss`` and ``val_accuracy``.
        """
        self._epoch += 1
        line = json.dumps({"epoch": self._epoch, **_numbers(metrics)})
        mode = "w" if self._epoch == 1 else "a"
        with open(self.folder / "metrics.jsonl", mode, encoding="utf-8") as file:
            file.write(line + "\n")

    def test(self, logits: Any, labels: Any, features: Any = None) -> None:
        """Leave the predictions of the test part, of which everything is measured.

        Parameters
        ----------
        logits
            (N, C) floats: an array, or a tensor on any device.
        labels
            (N,) classes.
        features
            (N, D) floats, what enters the last layer: adds neighbours, class separation and a map.

        Raises
        ------
        ValueError
            Arrays that do not fit each other.
        """
        self._predictions("", logits, labels)
        if features is not None:
            array = _matrix(features, "features")
            if len(array) != len(_array(labels)):
                raise ValueError(f"{len(array)} rows of features for {len(_array(labels))} labels")
            np.save(self.folder / "features.npy", array)

    def test_set(self, name: str, logits: Any, labels: Any) -> None:
        """Leave those of a further test set, such as photos of another camera; as `test`.

        It is reported apart from the test part, which has to be there, too, and has the same classes.

        Parameters
        ----------
        name
            At most 100 letters, digits, ``-``, ``_`` and ``.``, without a dot in front.
        logits
            (M, C) floats.
        labels
            (M,) classes.

        Raises
        ------
        ValueError
            Another name; arrays that do not fit each other.
        """
        if not _is_plain(name):
            raise ValueError(
                f"the test set {name!r} must be called by at most 100 letters, digits, '-', '_' or '.', "
                "without a dot in front"
            )
        (self.folder / "test" / name).mkdir(parents=True, exist_ok=True)
        self._predictions(f"test/{name}/", logits, labels)

    def validation(self, logits: Any, labels: Any) -> None:
        """Leave those of the validation part, for temperature scaling; as `test`."""
        self._predictions("val_", logits, labels)

    def foreign(self, name: str, logits: Any) -> None:
        """Leave logits (M, C) of examples from another data set, which are to be told apart."""
        if not name or "/" in name or name.startswith("."):
            raise ValueError(f"{name!r} is no name of a file")
        (self.folder / "ood").mkdir(exist_ok=True)
        np.save(self.folder / "ood" / f"{name}.npy", _matrix(logits, "logits"))

    def train_counts(self, counts: Any) -> None:
        """Leave how many training examples each class has, (C,)."""
        np.save(self.folder / "train_counts.npy", _integers(counts, "counts"))

    def classes(self, names: list[str]) -> None:
        """Leave the names of the classes, by their numbers."""
        self._write("classes.json", [str(name) for name in names])

    def metrics(self, **metrics: float) -> None:
        """Leave metrics of its own, all at once: they are compared as those that are measured."""
        self._write("metrics.json", _numbers(metrics))

    def _predictions(self, prefix: str, logits: Any, labels: Any) -> None:
        rows, classes = _matrix(logits, "logits"), _integers(labels, "labels")
        if len(rows) != len(classes):
            raise ValueError(f"{len(rows)} rows of logits for {len(classes)} labels")
        np.save(self.folder / f"{prefix}logits.npy", rows)
        np.save(self.folder / f"{prefix}labels.npy", classes)

    def _write(self, name: str, value: object) -> None:
        with open(self.folder / name, "w", encoding="utf-8") as file:
            json.dump(value, file)


def _is_plain(name: str) -> bool:
    """Tell whether the program takes it for the name of a folder; others it does not look into."""
    plain = all(letter.isalnum() or letter in "-_." for letter in name)
    return 0 < len(name.encode()) <= 100 and not name.startswith(".") and plain


def _numbers(metrics: dict[str, float]) -> dict[str, float]:
    numbers = {name: float(value) for name, value in metrics.items()}
    for name, value in numbers.items():
        if not np.isfinite(value):
            raise ValueError(f"the metric {name} is {value}")
    return numbers


def _array(values: Any) -> Array:
    """Make an array, of tensors of PyTorch as well."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if "float16" in str(values.dtype):
            values = values.float()
    return np.asarray(values)


def _matrix(values: Any, what: str) -> npt.NDArray[Any]:
    array = _array(values)
    if array.ndim != 2:
        raise ValueError(f"{what} of shape {array.shape}: expected (N, C)")
    return array if array.dtype == np.float64 else array.astype(np.float32)


def _integers(values: Any, what: str) -> npt.NDArray[np.int64]:
    array = _array(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{what} of shape {array.shape} and {array.dtype}: expected (N,) integers")
    return array.astype(np.int64)
