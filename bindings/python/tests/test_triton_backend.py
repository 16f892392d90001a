"""The Triton kernels behind `Loss`, in the interpreter, against the Rust kernels in float64."""

import os
import re
from pathlib import Path

import pytest

os.environ["TRITON_INTERPRET"] = "1"

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from steepness._core import Criterion  # noqa: E402
from steepness.torch import _kernel, _triton, _triton_backend  # noqa: E402
from steepness.torch._layout import layout  # noqa: E402
from steepness.torch._term import BASES, BONUSES  # noqa: E402
from triton_cases import CURVES, OPTIONS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

COUNTED = [
    "el(le=1) + adjust(tau=1)",
    "ce + ldam(max=0.5, scale=30)",
    "el(le=0.75) + weights(beta=0.999)",
]


def both(criterion: Criterion, z, targets, sample_weight=None):
    """Loss and gradient by Triton in float32, and by Rust in float64."""
    where = layout(z, targets)
    assert _triton_backend.supports(criterion, z, where)
    of_triton = _triton_backend.compute(criterion, z, targets, sample_weight, where, True)
    targets = targets.double() if where.soft else targets
    return of_triton, _kernel.compute(criterion, z.double(), targets, sample_weight, where, True)


def test_every_family_of_curves_is_known():
    source = (Path(__file__).parents[3] / "crates/loss/src/curve.rs").read_text(encoding="utf-8")
    listed = source[source.index("\nfamilies! {") :].split("\n}\n")[0]
    families = re.findall(r"^ {8}(\w+): \w+(?: \{ ([\w, ]+) \})?,$", listed, re.MULTILINE)
    rust = {name: tuple(numbers.split(", ")) if numbers else () for name, numbers in families}
    assert len(rust) > 10
    # A spec that is nothing but a bonus has no base.
    assert rust | {"zero": ()} == BASES | BONUSES


@pytest.mark.parametrize("spec", [*CURVES, *OPTIONS])
def test_terms_are_those_of_the_tests(spec):
    (found,) = Criterion(spec, 7).terms()
    assert found == (CURVES | OPTIONS)[spec]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("spec", [*CURVES, *OPTIONS, *COUNTED])
def test_equals_the_rust_kernels(spec, soft, monkeypatch):
    # One program for all rows: the interpreter takes its time for each.
    monkeypatch.setattr(_triton, "tile", lambda classes: _triton.Tile(16384, 8, 1, 4))
    generator = torch.Generator().manual_seed(len(spec))
    z = 3 * torch.randn(10_000, 7, generator=generator)
    targets = torch.randint(7, (10_000,), generator=generator)
    targets[::50] = -100
    if soft:
        targets = torch.rand(10_000, 7, generator=generator)
    counts = [500, 200, 100, 50, 20, 10, 5] if spec in COUNTED else None
    criterion = Criterion(spec, 7, counts=counts, reduction="none")
    samples = torch.rand(10_000, generator=generator)
    if soft and ("margin" in spec or "ldam" in spec):
        assert not _triton_backend.supports(criterion, z, layout(z, targets))
        return
    (loss, gradient), (expected, of_rust) = both(criterion, z, targets, samples)
    torch.testing.assert_close(loss.double(), expected.double(), rtol=1e-5, atol=1e-6)
    # Log-odds of a hundred, as of LDAM's scale, are rounded by 8e-6, which is a share of the gradient.
    torch.testing.assert_close(gradient.double(), of_rust, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("shape", [(4,), (5, 4), (5, 4, 3), (2, 4, 3, 2), (2, 3, 4), (0, 4)])
def test_shapes(shape, soft):
    axis = {(4,): 0, (2, 3, 4): 1 if soft else 2}.get(shape, 1)
    of_rows = shape[:axis] + shape[axis + 1 :]
    z = torch.randn(shape)
    targets = torch.rand(shape).softmax(axis) if soft else torch.randint(shape[axis], of_rows)
    for reduction in ("mean", "none"):
        criterion = Criterion("el(le=0.75)", shape[axis], reduction=reduction)
        (loss, gradient), (expected, of_rust) = both(criterion, z, targets)
        assert loss.shape == expected.shape and gradient.shape == z.shape
        torch.testing.assert_close(loss.double(), expected.double(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(gradient.double(), of_rust, rtol=1e-4, atol=1e-6)


def test_the_gradient_of_float16_is_float32():
    z, y = torch.randn(6, 5).half(), torch.arange(6) % 5
    (_, gradient), (_, expected) = both(Criterion("el", 5), z, y)
    assert gradient.dtype == torch.float32
    torch.testing.assert_close(gradient.double(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "spec", ["bce", "mse", "multimargin", "el(le=0.5) + smooth(0.1, bonus=0.05)", "el(le=auto)", "el + match"]
)
def test_what_it_does_not_know(spec):
    z, y = torch.randn(6, 5), torch.arange(6) % 5
    unknown = Criterion(spec, 5)
    assert not _triton_backend.supports(unknown, z, layout(z, y))
    with pytest.raises(ValueError, match="has no Triton kernel"):
        _triton_backend.compute(unknown, z, y, None, layout(z, y), True)
    known = Criterion("el", 5)
    assert not _triton_backend.supports(known, z.double(), layout(z, y))
