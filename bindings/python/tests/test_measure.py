"""`steepness.measure`."""

import json
import subprocess
import sys

import numpy as np
import pytest
import steepness

LOGITS = np.array([[4.0, 0.0, 0.0], [0.0, 5.0, 0.0], [1.0, 0.0, 2.0], [3.0, 0.0, 0.0]])
LABELS = np.array([0, 1, 2, 1])


def test_it_is_what_the_program_measures(tmp_path):
    foreign = np.array([[1.0, 0.0, 0.5], [0.2, 0.3, 2.5]])
    validation, known = np.array([[2.0, 0, 0], [0, 2.0, 0], [0, 1.0, 0]]), np.array([0, 1, 1])
    counts = np.array([500, 20, 50])
    arrays = {
        "logits": LOGITS,
        "labels": LABELS,
        "ood-logits": foreign,
        "val-logits": validation,
        "val-labels": known,
        "train-counts": counts,
    }
    words = []
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        words += [f"--{name}", str(tmp_path / f"{name}.npy")]
    line = [sys.executable, "-m", "steepness", "measure", *words, "--json"]
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    expected = json.loads(done.stdout)
    m = steepness.measure(
        LOGITS,
        LABELS,
        val_logits=validation,
        val_labels=known,
        ood_logits={"far": foreign},
        train_counts=counts,
    )
    found = dict(m)
    assert found.pop("ood") == {"far": expected.pop("ood")}
    assert found == expected


def test_numbers_and_views():
    m = steepness.measure(LOGITS.astype(np.float32), LABELS, features=LOGITS[:, :2], neighbours=2)
    assert m["accuracy"] == 0.75 and m["margin_mean"] == 1.75
    flat = m.flat()
    assert flat["calibration.nll"] == m["nll"] and "representation.knn_cosine" in flat
    html = m._repr_html_()
    assert html.count("<tr>") == len(flat) and "0.750000" in html and 'title="' in html
    assert "accuracy" in repr(m)


def test_several_foreign_sets():
    rng = np.random.default_rng(0)
    sets = {"near": rng.normal(size=(9, 3)), "far": 0.1 * rng.normal(size=(5, 3))}
    m = steepness.measure(LOGITS, LABELS, ood_logits=sets)
    assert set(m["ood"]) == {"near", "far"} and m["ood"]["far"]["examples"] == 5
    assert "ood.near.msp.auroc" in m.flat()


@pytest.mark.parametrize(
    "kind, part, call",
    [
        (ValueError, "label 3 in row 1", lambda: steepness.measure(LOGITS, [0, 3, 0, 0])),
        (ValueError, "3 labels for 4 rows", lambda: steepness.measure(LOGITS, [0, 1, 2])),
        (ValueError, "logits of shape (3,)", lambda: steepness.measure(LOGITS[0], LABELS)),
        (ValueError, "row 0, column 1 is NaN", lambda: steepness.measure([[0.0, np.nan]], [0])),
        (ValueError, "go together", lambda: steepness.measure(LOGITS, LABELS, val_logits=LOGITS)),
        (
            ValueError,
            "far: ",
            lambda: steepness.measure(LOGITS, LABELS, ood_logits={"far": LOGITS[:, :2]}),
        ),
        (TypeError, "labels of float64", lambda: steepness.measure(LOGITS, [0.0, 1, 2, 1])),
        (TypeError, "logits of <U1", lambda: steepness.measure([["a", "b"]], [0])),
    ],
)
def test_errors(kind, part, call):
    with pytest.raises(kind) as caught:
        call()
    assert part in str(caught.value)
