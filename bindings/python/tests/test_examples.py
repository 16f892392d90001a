"""examples/python: each script by hand, and one in a comparison, as their README says. Offline."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "python"
NEEDS = {
    "loop": ["torch", "sklearn"],
    "lightning": ["lightning", "sklearn"],
    "hf_trainer": ["transformers", "accelerate"],
    "timm": ["timm", "sklearn"],
    "features_head": ["sklearn", "scipy"],
}
# What it reaches on little: ten classes, so that guessing is right in a tenth.
REACHES = {"loop": 0.9, "lightning": 0.9, "hf_trainer": 0.2, "timm": 0.5, "features_head": 0.9}


def call(words: list[str], folder: Path, **variables: str) -> str:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HOME": str(folder), **variables}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_are_tried():
    assert {path.parent.name for path in EXAMPLES.glob("*/train.py")} == set(NEEDS)
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}/train.py)" in readme for name in NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_by_hand(name, tmp_path):
    for module in NEEDS[name]:
        pytest.importorskip(module)
    said = call([sys.executable, str(EXAMPLES / name / "train.py")], tmp_path)
    assert said.splitlines()[-1].startswith("el(le=0.75): ")
    logits = np.load(tmp_path / "runs" / name / "logits.npy")
    labels = np.load(tmp_path / "runs" / name / "labels.npy")
    assert logits.shape == (len(labels), 10) and np.isfinite(logits).all()
    assert (logits.argmax(1) == labels).mean() > REACHES[name]


def test_in_a_comparison(tmp_path):
    for module in NEEDS["features_head"]:
        pytest.importorskip(module)
    script = f"{sys.executable} {EXAMPLES / 'features_head' / 'train.py'}"
    words = ["compare", "--run", script, "--loss", "ce", "--loss", "el(le=0.75)", "--seeds", "2"]
    said = call([sys.executable, "-m", "steepness", *words, "--out", "mine"], tmp_path)
    assert "el(le=0.75)" in said and (tmp_path / "mine" / "report.html").exists(), said
