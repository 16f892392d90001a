"""Writes golden_triton.json: losses and gradients by the program, in float64, for test_triton.py.

python make_triton_golden.py path/to/steepness
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from triton_cases import CURVES, OPTIONS

ROWS, CLASSES, IGNORED = 9, 7, 3


def draws() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits (float32 holds them), labels of which one is ignored, and soft targets."""
    random = np.random.default_rng(17)
    logits = np.float64(np.float32(random.normal(0, 3, (ROWS, CLASSES))))
    labels = random.integers(0, CLASSES, ROWS)
    # A label that is nearly certain, one that is nearly impossible, a mask.
    logits[0, labels[0]] += 25
    logits[1, labels[1]] -= 25
    logits[2, (labels[2] + 1) % CLASSES] = -np.inf
    labels[IGNORED] = -100
    soft = random.dirichlet(np.ones(CLASSES) / 2, ROWS)
    soft[2] = np.eye(CLASSES)[labels[2]]
    return np.float64(np.float32(logits)), labels, np.float64(np.float32(soft))


def main(program: str) -> None:
    """Asks the program about every case."""
    logits, labels, soft = draws()
    cases = [(spec, "labels") for spec in CURVES | OPTIONS]
    cases += [(spec, "soft") for spec in CURVES]
    entries = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        np.save(path / "logits.npy", logits)
        np.save(path / "labels.npy", labels)
        np.save(path / "soft.npy", soft)
        for spec, targets in cases:
            command = [program, "loss", spec, "--logits", "logits.npy", "--targets", f"{targets}.npy"]
            command += ["--grad", "gradient.npy", "--reduction", "none", "--json"]
            printed = subprocess.run(command, cwd=path, check=True, capture_output=True, text=True)
            answer = json.loads(printed.stdout)
            gradient = np.load(path / "gradient.npy")
            entries.append(
                {"spec": spec, "targets": targets, "losses": answer["losses"], "gradient": gradient.tolist()}
            )
    golden = {
        "logits": [[repr(z) for z in row] for row in logits.tolist()],
        "labels": labels.tolist(),
        "soft": soft.tolist(),
        "cases": entries,
    }
    to = Path(__file__).with_name("golden_triton.json")
    to.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
