"""The Triton kernels compile for GPUs that are not there, and touch memory as often as they say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

WANTED = {
    # What is compiled: how often a logit and its gradient are read and written in the code.
    "hard,fp32,10,ce,": (1, 1),
    "hard,bf16,1000,ce,el": (1, 1),
    "hard,fp32,32000,ce,el": (1, 1),
    "hard,bf16,128256,ce,el": (2, 1),
    "soft,bf16,1000,ce,el": (1, 1),
    "soft,bf16,128256,ce,": (3, 1),
}
TARGETS = ("cuda:80", "cuda:90", "hip:gfx942")
# Every curve and every option once, on one target.
MORE = [
    f"hard,fp16,1000,{base},"
    for base in ("zero", "poly", "focal", "antifocal", "halted", "gce", "prob", "deft")
]
MORE += [f"hard,fp32,1000,ce,{bonus}" for bonus in ("fraction", "power", "cosine")]
MORE += ["hard,bf16,1000,ce,,class_weights,sample_weights,offsets,margins,soft_cap"]
MORE += ["soft,fp32,1000,focal,el,soft,class_weights,sample_weights,offsets,soft_cap"]
MORE += ["hard,bf16,1000,ce,,forward", "soft,bf16,1000,deft,,soft,forward"]


def compiled(target: str, what: list[str], cache: Path) -> dict:
    """What the kernels came to, compiled in a process without the interpreter."""
    script = Path(__file__).with_name("compile_kernels.py")
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(cache)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, str(script), target, *what]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("target", TARGETS)
def test_each_logit_is_read_and_written_as_often_as_said(target, tmp_path):
    results = compiled(target, list(WANTED), tmp_path)
    for what, (reads, writes) in WANTED.items():
        found = results[what]
        assert found["binary"] > 0
        for level in ("ttir", "ttgir"):
            assert found[level] == {"tt.load": reads, "tt.store": writes}, (what, level)
        if "read" in found and found["rows"] == 1:
            # In the machine's own terms: bytes of a thread for its part of one block. Beside the logits
            # the reduction's factor is read, and the row's loss written: 4 bytes each.
            size = 2 if "bf16" in what else 4
            part = size * found["elements"] // found["threads"]
            assert (found["read"], found["written"]) == (reads * part + 4, writes * part + 4), what
            # 16 bytes at a time.
            assert found["loads"] == reads * part // 16 + 1, what
            assert found["stores"] == writes * part // 16 + 1, what


def test_every_curve_and_option_compiles(tmp_path):
    results = compiled("cuda:90", MORE, tmp_path)
    assert len(results) == len(MORE) and all(found["binary"] for found in results.values())
    forward = results["hard,bf16,1000,ce,,forward"]
    assert forward["ttir"] == {"tt.load": 1, "tt.store": 0}
