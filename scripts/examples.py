#!/usr/bin/env python3
"""Runs the examples of examples/own as their READMEs say, with fewer seeds and epochs.

    python3 scripts/examples.py PROGRAM [NAME...]

PROGRAM is a `steepness`, with the laboratory or without. What the examples import is installed, once,
from examples/own/requirements.txt into a virtual environment in target/examples: more than 2 GB to
download, since torch brings CUDA with it. Where that cannot be done, each example that needs it is reported as
skipped, by name. Of each the table has to be whole, with a verdict, and a second call has to find
everything made.
"""

import csv
import hashlib
import json
import math
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
OWN = HOME / "examples" / "own"
VENV = HOME / "target" / "examples" / "venv"

# What makes the command of a README quick.
QUICKER = {
    "pytorch": [("--seeds 5", "--seeds 2"), ("{out}", "{out} --epochs 3")],
    "sklearn": [("--seeds 5", "--seeds 2")],
    "lightning": [("--seeds 5", "--seeds 2"), ("{out}", "{out} --epochs 2")],
    "hf_trainer": [("--seeds 5", "--seeds 2"), ("{out}", "{out} --epochs 1")],
    "shell": [],
}
# What needs nothing but a shell.
PLAIN = ["shell"]


class Failure(Exception):
    pass


def say(line):
    print(f"examples: {line}", flush=True)


def environment():
    """Makes sure of the virtual environment."""
    requirements = OWN / "requirements.txt"
    mark = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    marker = VENV / "made-of"
    if marker.exists() and marker.read_text() == mark:
        return
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        raise Failure(f"the packages are pinned for Linux on x86-64, not {sys.platform}")
    if sys.version_info < (3, 11):
        raise Failure(f"they need Python 3.11, and this is {platform.python_version()}")
    shutil.rmtree(VENV, ignore_errors=True)
    start = time.monotonic()
    say(f"installing what they need into {VENV}")
    pip = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    for command in (
        [sys.executable, "-m", "venv", VENV],
        [*pip, "--disable-pip-version-check", "--requirement", requirements],
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise Failure((done.stdout.strip().splitlines() or ["no message"])[-1])
    marker.write_text(mark)
    say(f"installed in {time.monotonic() - start:.0f} s")


def command_of(name, program):
    """The words of the README's command, quicker."""
    text = re.search(r"```sh\n(.*?)```", (OWN / name / "README.md").read_text(), re.S)[1]
    lines = text.replace("\\\n", " ").splitlines()
    (line,) = [line for line in lines if line.startswith("steepness ")]
    for before, after in QUICKER[name]:
        if before not in line:
            raise Failure(f"there is no {before!r} in {line!r}")
        line = line.replace(before, after)
    return [program, *shlex.split(line)[1:], "--jobs", "2"]


def call(words, folder):
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "HOME": str(folder)}
    # What is imported again and again is to be compiled but once.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"exit code {done.returncode} of {shlex.join(words)}\n{done.stderr}")
    return done


def check(name, program):
    """Runs one, twice."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / name
        shutil.copytree(OWN / name, folder)
        words = command_of(name, program)
        first = call(words, folder)
        (out,) = (folder / "runs").iterdir()
        made = {path: path.stat().st_mtime_ns for path in out.glob("*/seed=*/*")}
        seeds = sorted({int(path.parent.name[len("seed=") :]) for path in made})
        again = call([*words, "--json"], folder)
        if " of " in again.stderr or made != {path: path.stat().st_mtime_ns for path in made}:
            raise Failure(f"the second call made something again\n{again.stderr}")
        found = json.loads(again.stdout)
        answer = found["verdict"]["answer"]
        said = " ".join(first.stdout.split())
        if not said.startswith(answer) or not re.match(r"Take |Keep |\d+ seeds cannot tell", said):
            raise Failure(f"it does not begin with a verdict\n{first.stdout}")
        if len(found["losses"]) != 2 or found["seeds"] != seeds:
            raise Failure(f"not two settings with the seeds {seeds}\n{again.stdout}")
        with open(out / "table.csv", newline="") as file:
            settings = [loss["loss"] for loss in found["losses"]]
            rows = [row for row in csv.DictReader(file) if row["loss"] in settings]
        for row in rows:
            numbers = [row["mean"], *(row[f"seed {seed}"] for seed in seeds)]
            if not all(cell and math.isfinite(float(cell)) for cell in numbers):
                raise Failure(f"a number is missing or not finite: {row}")
            if row["loss"] != settings[0] and row["pairs"] != str(len(seeds)):
                raise Failure(f"seeds without partners: {row}")
        metrics = {row["metric"] for row in rows}
        if name not in PLAIN and not {"accuracy", "nll", "nll_scaled"} <= metrics:
            raise Failure(f"the table lacks accuracy or NLL, or that after scaling: {metrics}")
    return answer


def main():
    program, *names = sys.argv[1:] or sys.exit(__doc__)
    program = os.path.abspath(program)
    names = names or list(QUICKER)
    without = None
    if any(name not in PLAIN for name in names):
        try:
            environment()
        except (OSError, Failure) as error:
            without = error
    failed = []
    for name in names:
        if without is not None and name not in PLAIN:
            say(f"skipped: {name}: {without}")
            continue
        start = time.monotonic()
        try:
            answer = check(name, program)
            say(f"{name}: {time.monotonic() - start:.0f} s: {answer}")
        except Failure as error:
            say(f"FAILED: {name}: {error}")
            failed.append(name)
    if failed:
        sys.exit(f"examples that failed: {' '.join(failed)}")


if __name__ == "__main__":
    main()
