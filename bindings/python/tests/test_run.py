"""`steepness.Run`: what a script under ``compare --run`` is told and leaves."""

import json

import numpy as np
import pytest
from steepness import Run


def test_it_leaves_what_the_contract_says(tmp_path):
    run = Run(tmp_path, "ce", 4)
    run.epoch(train_loss=0.5, val_accuracy=0.75)
    run.epoch(train_loss=np.float32(0.25))
    logits = np.arange(12.0).reshape(4, 3)
    run.test(logits, [0, 1, 2, 2], features=logits[:, :2])
    run.validation(logits[:2].astype(np.float16), np.array([0, 1], np.int32))
    run.test_set("rain-2", logits, np.array([2, 1, 0, 0], np.uint8))
    run.foreign("svhn", logits)
    run.train_counts([5, 6, 7])
    run.classes(["a", "b", "c"])
    run.metrics(wer=0.125)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"epoch": 1, "train_loss": 0.5, "val_accuracy": 0.75}
    assert json.loads(lines[1]) == {"epoch": 2, "train_loss": 0.25}
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"wer": 0.125}
    assert json.loads((tmp_path / "classes.json").read_text()) == ["a", "b", "c"]
    for name, dtype, shape in [
        ("logits", "float64", (4, 3)),
        ("labels", "int64", (4,)),
        ("features", "float64", (4, 2)),
        ("val_logits", "float32", (2, 3)),
        ("val_labels", "int64", (2,)),
        ("test/rain-2/logits", "float64", (4, 3)),
        ("test/rain-2/labels", "int64", (4,)),
        ("ood/svhn", "float64", (4, 3)),
        ("train_counts", "int64", (3,)),
    ]:
        array = np.load(tmp_path / f"{name}.npy")
        assert (array.dtype, array.shape) == (dtype, shape), name


def test_it_is_told_by_the_environment(tmp_path, monkeypatch):
    for name in ("RUN", "LOSS", "SEED", "OUT", "LR"):
        monkeypatch.delenv(f"STEEPNESS_{name}", raising=False)
    with pytest.raises(RuntimeError, match="STEEPNESS_RUN is not set"):
        Run.current()
    by_hand = Run.current(folder=tmp_path / "new", loss="ce", seed=7)
    assert by_hand.folder.is_dir() and by_hand.seed == 7
    for name, value in {
        "RUN": str(tmp_path),
        "LOSS": "el(le=0.5)",
        "SEED": "3",
        "LR": "0.1",
    }.items():
        monkeypatch.setenv(f"STEEPNESS_{name}", value)
    run = Run.current(folder="elsewhere")
    assert (run.folder, run.loss, run.seed, run.options) == (
        tmp_path,
        "el(le=0.5)",
        3,
        {"lr": "0.1"},
    )
    monkeypatch.setenv("STEEPNESS_SEED", "x")
    with pytest.raises(RuntimeError, match="no seed"):
        Run.current()


def test_what_does_not_fit_is_refused(tmp_path):
    run = Run(tmp_path)
    with pytest.raises(ValueError, match="4 rows of logits for 3 labels"):
        run.test(np.zeros((4, 3)), [0, 1, 2])
    with pytest.raises(ValueError, match="metric loss is nan"):
        run.epoch(loss=float("nan"))
    with pytest.raises(ValueError, match="no name of a file"):
        run.foreign("../x", np.zeros((4, 3)))
    with pytest.raises(ValueError, match="4 rows of logits for 3 labels"):
        run.test_set("rain", np.zeros((4, 3)), [0, 1, 2])
    for name in ("", "../rain", ".rain", "a b", "x" * 101):
        with pytest.raises(ValueError, match="must be called by"):
            run.test_set(name, np.zeros((3, 3)), [0, 1, 2])
    with pytest.raises(ValueError, match="logits of shape"):
        run.test(np.zeros(4), [0])
