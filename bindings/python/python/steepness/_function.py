"""A function of Python as one that trains: how it is named, found again, and called in a run."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steepness._run import Run

Train = Callable[[Run], Any]


@dataclass(frozen=True)
class Place:
    """Where a function is."""

    name: str
    """``module:function`` or ``path/to/file.py:function``; of one that no other process finds its name."""
    file: Path | None
    """The file of its source; None in a notebook."""
    source: str
    """A hash of its source, where there is no file to look at."""
    importable: bool
    """Whether another process finds it."""


def place(train: Train) -> Place:
    """Find out where `train` is."""
    module, name = train.__module__, getattr(train, "__qualname__", type(train).__name__)
    try:
        text = inspect.getsource(train)
        file = inspect.getsourcefile(train)
    except (OSError, TypeError):
        text, file = "", None
    path = Path(file).resolve() if file is not None else None
    if path is None or not path.is_file():
        path = None
    importable = "<" not in name and path is not None
    where = module
    if module == "__main__" and path is not None:
        where = str(path)
    source = "" if path is not None else hashlib.sha256(text.encode()).hexdigest()[:16]
    return Place(f"{where}:{name}", path, source, importable)


def find(name: str) -> Train:
    """Find the function again, in a process that has not run its script."""
    where, _, qualified = name.rpartition(":")
    if where.endswith(".py"):
        path = Path(where)
        # Its folder, as of a script that is run.
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location("__steepness_train__", path)
        if spec is None or spec.loader is None:
            raise RuntimeError(f"{path} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, "")
        module = importlib.import_module(where)
    found: Any = module
    for part in qualified.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def call(train: Train, run: Run) -> None:
    """Make a run, and leave what the function returns: ``logits, labels``, or metrics by their names."""
    found = train(run)
    if found is None:
        return
    if isinstance(found, dict):
        run.metrics(**found)
    elif isinstance(found, tuple) and len(found) == 2:
        run.test(*found)
    else:
        what = type(found).__name__
        raise TypeError(f"the function returned {what}: expected None, (logits, labels) or a dict of numbers")
