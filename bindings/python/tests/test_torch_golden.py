"""golden.json, which the reference of the Rust tests has written, by whoever computes for PyTorch."""

import os
from itertools import groupby

import pytest

os.environ["TRITON_INTERPRET"] = "1"

torch = pytest.importorskip("torch")

from paths import PATHS, composed, computed  # noqa: E402
from steepness.torch import Loss, _composed  # noqa: E402
from steepness.torch._layout import layout  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def kind(entry: dict) -> tuple:
    """What rows of one batch have in common."""
    return entry["spec"], len(entry["logits"]), 1.0 in entry["targets"]


@PATHS
def test_golden_values(golden, compute, dtype):
    rtol, atol = (1e-11, 1e-11) if dtype == torch.float64 else (2e-5, 1e-6)
    tried = 0
    for (spec, classes, is_label), entries in groupby(sorted(golden, key=kind), key=kind):
        rows = list(entries)
        z = torch.tensor([row["logits"] for row in rows], dtype=dtype)
        targets = torch.tensor([row["targets"] for row in rows], dtype=dtype)
        if is_label:
            targets = targets.argmax(1)
        criterion = Loss(spec, reduction="none").criterion(classes)
        if compute is composed and not _composed.supports(criterion, layout(z, targets)):
            assert not is_label or criterion.terms()[0]["smoothing"] > 0.0
            continue
        losses, gradient = computed(compute, criterion, z, targets)
        said = f"{spec}, {classes} classes"
        for found, name in ((losses, "loss"), (gradient, "gradient")):
            expected = torch.tensor([row[name] for row in rows], dtype=torch.float64)
            torch.testing.assert_close(
                found.double(), expected, rtol=rtol, atol=atol, msg=lambda text, said=said: f"{said}: {text}"
            )
        tried += len(rows)
    assert tried == len(golden) or (compute is composed and tried > len(golden) / 2)
