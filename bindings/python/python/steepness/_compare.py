"""`compare`: losses and seeds of a training that is a function, as ``steepness compare --run`` does it.

The program does all of it: folders, resuming, statistics, tables, the page. It is started as a process of
its own, whose runs are this module's `_child` processes; where the training is to be in this process, they
only ask for it, by a socket.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from steepness._function import Train, call, place
from steepness._run import Run


class Comparison:
    """What came of a comparison.

    ``print(c)`` is the table with its statistics, `report` the page, `to_pandas` the numbers. In a notebook
    it shows itself.
    """

    def __init__(self, text: str, table: dict[str, Any], folder: Path) -> None:
        self.text = text
        """What ``steepness compare`` prints."""
        self.table = table
        """The same as ``--json`` has it."""
        self.folder = folder
        """Its folder, with a folder for each run."""

    @property
    def report(self) -> Path:
        """The page with every figure."""
        return self.folder / "report.html"

    def to_pandas(self) -> Any:
        """Give ``table.csv`` of the folder as a `pandas.DataFrame`.

        Raises
        ------
        ImportError
            Without pandas.
        """
        import pandas  # type: ignore[import-untyped]

        return pandas.read_csv(self.folder / "table.csv")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Comparison in {self.folder}>"

    def _repr_html_(self) -> str:
        page = escape(str(self.report))
        return f'<pre>{escape(self.text)}</pre><a href="{page}">{page}</a>'


def compare(
    train: Train,
    losses: Sequence[str] = (),
    *,
    seeds: int | Sequence[int] = 5,
    out: str | os.PathLike[str],
    vary: Mapping[str, Sequence[object]] | None = None,
    processes: int | None = None,
    gpus: Sequence[int | str] | None = None,
    primary: str | None = None,
    worth: float | None = None,
    inputs: Sequence[str] = (),
    fresh: bool = False,
) -> Comparison:
    """Train with several losses on the same seeds, and tell what changed.

    Parameters
    ----------
    train
        A function of a `Run`, which trains with ``run.loss`` and random numbers of ``run.seed`` and then
        calls ``run.test(logits, labels)``. It may return ``logits, labels`` of the test part in place of
        that, or a dictionary of metrics of its own.
    losses
        The losses as they are written; the first is what the others are compared with.
    seeds
        How many, or which.
    out
        The folder for the results. What is finished there is taken as it is, if the function's file and
        the `inputs` are what they were.
    vary
        What else is varied, by names: ``{"lr": [0.1, 0.01]}`` is in ``run.options["lr"]``, as text.
    processes
        Trains in so many processes side by side; without it, and without `gpus`, in this one. Other
        processes import the function: it must be one of a module or of a script, not of a notebook.
    gpus
        Trains side by side in processes that see one of these GPUs each.
    primary
        The metric that table and page begin with.
    worth
        What difference in it is worth having, in its unit.
    inputs
        Patterns of files that it reads.
    fresh
        Whether runs that were made of other files are made anew, and not refused.

    Returns
    -------
    Comparison
        The table, its statistics and the page.

    Raises
    ------
    ValueError
        What is asked in vain.
    RuntimeError
        Runs that failed, with what the first of them said; the others are finished, and the same call
        makes those again.

    Examples
    --------
    >>> import numpy as np, tempfile, steepness
    >>> def train(run):
    ...     labels = np.arange(30) % 3
    ...     noise = np.random.default_rng(run.seed).normal(size=(30, 3))
    ...     return noise + 2 * np.eye(3)[labels], labels
    >>> c = steepness.compare(train, ["ce", "el(le=0.75)"], seeds=2, out=tempfile.mkdtemp())
    >>> c.report.exists()
    True
    """
    folder = Path(out)
    where = place(train)
    here = processes is None and not gpus
    if not here and not where.importable:
        raise ValueError(
            f"another process cannot import {where.name}: put the function into a file, or leave out "
            "processes and gpus to train in this process"
        )
    command = [sys.executable, "-m", "steepness._child", where.name]
    words = ["compare", "--run", " ".join(map(_quoted, command)), "--out", str(folder)]
    for loss in losses:
        words += ["--loss", loss]
    for name, values in (vary or {}).items():
        words += ["--vary", f"{name}={','.join(map(str, values))}"]
    words += ["--seeds", str(seeds) if isinstance(seeds, int) else ",".join(map(str, seeds))]
    if where.file is not None:
        words += ["--inputs", str(where.file)]
    else:
        words += ["--env", f"STEEPNESS_SOURCE={where.source}"]
    for pattern in inputs:
        words += ["--inputs", pattern]
    if gpus:
        words += ["--gpus", ",".join(map(str, gpus))]
    if processes is not None:
        words += ["--jobs", str(processes)]
    for option, value in (("--primary", primary), ("--worth", worth)):
        if value is not None:
            words += [option, str(value)]
    if fresh:
        words.append("--fresh")
    text = _program(words, train if here else None)
    # What is finished is read back; nothing is made.
    table = json.loads(_program([*words, "--json"], None))
    return Comparison(text, table, folder)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _program(words: list[str], train: Train | None) -> str:
    """Run the program, with the runs made by `train` in this process where it is given."""
    with _listening() as (listener, path):
        # What this process can import, its runs can.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        environment.pop("STEEPNESS_RELAY", None)
        if train is not None:
            environment["STEEPNESS_RELAY"] = path
        line = [sys.executable, "-m", "steepness", *words]
        said = tempfile.TemporaryFile("w+", encoding="utf-8")
        printed = tempfile.TemporaryFile("w+", encoding="utf-8")
        # A signal of the terminal is ours alone: it is handed on below.
        program = subprocess.Popen(
            line, env=environment, stdout=printed, stderr=said, text=True, start_new_session=True
        )
        try:
            while program.poll() is None:
                connection = _next(listener)
                if connection is not None and train is not None:
                    with connection:
                        _serve(connection, train)
        except BaseException:
            # It ends its runs and keeps what is finished.
            program.send_signal(signal.SIGINT)
            program.wait()
            raise
        finally:
            said.seek(0)
            printed.seek(0)
            problem, text = said.read(), printed.read()
            said.close()
            printed.close()
    if program.returncode == 0:
        return text
    kind = ValueError if program.returncode == 2 else RuntimeError
    raise kind(problem.strip().removeprefix("error: "))


@contextlib.contextmanager
def _listening() -> Iterator[tuple[socket.socket, str]]:
    """Open a socket that processes of this user find."""
    # The path of a socket has a hundred letters at most.
    folder = tempfile.mkdtemp(prefix="steepness-")
    path = os.path.join(folder, "relay")
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
        listener.listen()
        listener.settimeout(0.1)
        yield listener, path
    finally:
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _environment(asked: Mapping[str, str]) -> Iterator[None]:
    """Add variables for a while; `unittest.mock` does it, too, and takes longer to import than all else."""
    before = dict(os.environ)
    os.environ.update(asked)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _next(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except TimeoutError:
        return None


def _serve(connection: socket.socket, train: Train) -> None:
    """Make the run that a process asks for, and tell it what came of it."""
    connection.settimeout(None)
    with connection.makefile("rw", encoding="utf-8") as stream:
        asked = json.loads(stream.readline())
        error = ""
        try:
            with _environment(asked):
                call(train, Run.current())
        except Exception:
            error = traceback.format_exc()
        # Whoever asked may be gone, where its time was over.
        with contextlib.suppress(OSError):
            stream.write(json.dumps({"error": error}))
            stream.flush()
