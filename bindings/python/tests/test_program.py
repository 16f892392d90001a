"""The command ``steepness`` of the wheel."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "steepness"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

TRAIN = """
import numpy as np, sys, steepness
run = steepness.Run.current()
rng = np.random.default_rng(run.seed)
labels = rng.integers(0, 3, 60)
shift = 0.5 if run.loss.startswith("el") else 0.0
logits = rng.normal(size=(60, 3)) + (2 + shift) * np.eye(3)[labels]
run.epoch(train_loss=1.0); run.epoch(train_loss=0.5)
run.test(logits, labels)
"""


def run(*words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, **options)


def test_it_says_what_it_is():
    version = run("--version")
    assert version.returncode == 0 and version.stdout.startswith("steepness 0.")
    listed = run("loss", "--list") if "--list" in run("loss", "--help").stdout else run("--help")
    assert listed.returncode == 0
    wrong = run("measure")
    assert wrong.returncode == 2 and "--logits" in wrong.stderr
    laboratory = run("data", "mnist")
    assert laboratory.returncode == 2 and "needs the laboratory" in laboratory.stderr
    script = Path(sys.executable).with_name("steepness")
    if script.exists():
        assert subprocess.run([script, "--version"], capture_output=True).returncode == 0


def test_a_comparison_of_a_script_that_uses_run(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    command = f"{sys.executable} train.py"
    words = ["compare", "--run", command, "--loss", "ce", "--loss", "el(le=0.75)", "--out", "runs"]
    done = run(*words, "--seeds", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "el(le=0.75)" in done.stdout and (tmp_path / "runs/report.html").exists()
    again = next(line for line in done.stdout.splitlines() if line.startswith("again"))
    assert "__main__" not in again and again.split()[1].endswith("steepness")
    listed = run(*words, "--seeds", "4", "--list", cwd=tmp_path)
    lines = listed.stdout.splitlines()
    assert len(lines) == 2 and all(" -m steepness run-one " in line for line in lines), listed
    # Each is what makes the run, wherever the command of another environment may be.
    for line in lines:
        made = subprocess.run(line, shell=True, cwd=tmp_path, env={**ENVIRONMENT, "PATH": os.defpath})
        assert made.returncode == 0
    assert run(*words, "--seeds", "4", "--list", cwd=tmp_path).stdout == ""


# Slurm's commands as far as they are asked: the four tasks of an array are made one after the other.
SLURM = {
    "sbatch": """#!/bin/sh
[ "$1" = --version ] && exit
for script; do :; done
for task in 0 1 2 3; do
    SLURM_ARRAY_TASK_ID=$task sh "$script"
done > "$script.log" 2>&1 &
echo 7
""",
    "squeue": "#!/bin/sh\nprintf '7_%s\\n' 0 1 2 3\n",
    "scontrol": "#!/bin/sh\necho 'MaxArraySize = 1001'\n",
    "scancel": "#!/bin/sh\n",
}


@pytest.mark.parametrize("by", ["-m", "script"])
def test_slurm_calls_this_python_again(tmp_path, by):
    program = PROGRAM
    if by == "script":
        program = [str(Path(sys.executable).with_name("steepness"))]
        if not Path(program[0]).exists():
            pytest.skip("the package is not installed")
    (tmp_path / "train.py").write_text(TRAIN)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in SLURM.items():
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    words = ["compare", "--run", f"{sys.executable} train.py", "--loss", "ce", "--loss", "el(le=0.75)"]
    words += ["--seeds", "2", "--slurm", "--partition=test", "--out", "runs"]
    # The command is not in the path, as in an environment that is not activated.
    environment = {**ENVIRONMENT, "PATH": f"{commands}:{os.defpath}"}
    done = subprocess.run(
        [*program, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "4 runs submitted to Slurm as job 7" in done.stderr and "el(le=0.75)" in done.stdout
    (batch,) = (tmp_path / "runs" / "slurm").glob("*.sh")
    calls = re.findall("exec (.*) run-one ", batch.read_text())
    again = f"{sys.executable} -m steepness" if by == "-m" else program[0]
    assert [shlex.split(call) for call in calls] == [shlex.split(again)] * 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_its_children(tmp_path, number):
    (tmp_path / "slow.py").write_text(
        "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(99)"
    )
    words = [
        "compare",
        "--run",
        f"{sys.executable} slow.py {{loss}} {{seed}} {{out}}",
        "--loss",
        "ce",
        "--loss",
        "el",
        "--seeds",
        "1",
        "--out",
        "runs",
    ]
    child = subprocess.Popen([*PROGRAM, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    pid = tmp_path / "pid"
    until = time.monotonic() + 30
    while not (pid.exists() and pid.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert "this goes on with it" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
