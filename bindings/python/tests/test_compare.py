"""`steepness.compare` over a function."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import steepness
from steepness._function import find, place

MADE = []


def train(run):
    """Predictions that are better with EL; told by the process that makes them."""
    MADE.append((run.loss, run.seed, os.getpid()))
    labels = np.arange(60) % 3
    noise = np.random.default_rng(run.seed).normal(size=(60, 3))
    shift = 2.5 if run.loss.startswith("el") else 2.0
    run.epoch(train_loss=1.0)
    return noise + shift * np.eye(3)[labels], labels


def test_in_this_process(tmp_path):
    MADE.clear()
    c = steepness.compare(train, ["ce", "el(le=0.75)"], seeds=2, out=tmp_path / "runs")
    assert sorted(MADE) == [(loss, seed, os.getpid()) for loss in ("ce", "el(le=0.75)") for seed in (0, 1)]
    assert "el(le=0.75)" in str(c) and "accuracy" in str(c) and c.report.exists()
    assert "<pre>" in c._repr_html_() and c.table
    again = steepness.compare(train, ["ce", "el(le=0.75)"], seeds=3, out=tmp_path / "runs")
    assert len(MADE) == 6, "what is finished is taken as it is"
    assert str(again) != str(c)
    frame = pytest.importorskip("pandas") and again.to_pandas()
    assert len(frame) > 0


def test_in_processes_of_their_own(tmp_path):
    MADE.clear()
    c = steepness.compare(train, ["ce"], seeds=2, out=tmp_path / "runs", processes=2, vary={"lr": [0.1, 1]})
    assert not MADE and "lr=0.1" in str(c)
    here = steepness.compare(train, ["ce"], seeds=2, out=tmp_path / "here", vary={"lr": [0.1, 1]})
    names = ("page", "again", "recipe")
    lines = [[line for line in str(one).splitlines() if not line.startswith(names)] for one in (c, here)]
    assert lines[0] == lines[1], "the same table, wherever runs are made"


def test_metrics_of_its_own(tmp_path):
    c = steepness.compare(
        lambda run: {"wer": 0.1 + 0.01 * run.seed + 0.1 * (run.loss == "ce")},
        ["ce", "el"],
        seeds=[3, 5],
        out=tmp_path / "runs",
    )
    assert "wer" in str(c)


def test_further_test_sets_have_tables_of_their_own(tmp_path):
    def both(run):
        logits, labels = train(run)
        run.test(logits, labels)
        run.test_set("rain", 0.5 * logits + 0.5, labels)

    c = steepness.compare(both, ["ce", "el"], seeds=2, out=tmp_path / "runs")
    assert (c.folder / "table-test-rain.csv").exists() and "rain" in str(c)

    def without_a_test_part(run):
        logits, labels = train(run)
        run.test_set("rain", logits, labels)

    with pytest.raises(RuntimeError, match=r"further test sets and no logits\.npy of the test part"):
        steepness.compare(without_a_test_part, ["ce", "el"], seeds=1, out=tmp_path / "none")


def test_a_failure_says_what_went_wrong(tmp_path):
    def fails(run):
        if run.seed == 1:
            raise ZeroDivisionError("of seed 1")
        return train(run)

    with pytest.raises(RuntimeError, match="of seed 1") as caught:
        steepness.compare(fails, ["ce", "el"], seeds=2, out=tmp_path / "runs")
    assert "runs that failed: 2 of 4" in str(caught.value)


def test_what_is_asked_in_vain(tmp_path):
    with pytest.raises(ValueError, match="le must lie in"):
        steepness.compare(train, ["el(le=2)"], out=tmp_path / "runs")
    with pytest.raises(ValueError, match="cannot import"):
        steepness.compare(eval("lambda run: None"), ["ce", "el"], out=tmp_path / "runs", processes=2)
    with pytest.raises(RuntimeError, match="returned int"):
        steepness.compare(lambda run: 1, ["ce", "el"], seeds=1, out=tmp_path / "runs")


def test_a_function_is_found_again(tmp_path):
    script = tmp_path / "own_train.py"
    script.write_text("class A:\n    @staticmethod\n    def train(run):\n        return 7\n")
    assert find(f"{script}:A.train")(None) == 7
    assert place(train).importable and place(train).file.name == "test_compare.py"
    assert not place(eval("lambda run: None")).importable


def test_an_interruption_goes_on_later(tmp_path):
    script = tmp_path / "own.py"
    script.write_text(
        textwrap.dedent("""
        import numpy as np, steepness, time, sys
        def train(run):
            if run.seed == 1 and len(sys.argv) > 1:
                open("here", "w").close(); time.sleep(60)
            return np.random.default_rng(run.seed).normal(size=(9, 3)), np.arange(9) % 3
        print(steepness.compare(train, ["ce", "el"], seeds=2, out="runs"))
        """)
    )
    child = subprocess.Popen([sys.executable, str(script), "slow"], cwd=tmp_path, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (tmp_path / "here").exists() and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode != 0 and b"KeyboardInterrupt" in said
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "accuracy" in done.stdout, done.stderr
