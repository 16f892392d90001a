"""Ten thousand random rows a curve, against float64 autograd of the formula as it is written.

Whoever computes: the Rust kernels, operations of PyTorch, and Triton's kernels in their interpreter, where
one program takes all rows. Triton and half of PyTorch's draws are in float32, to 1e-5 of each number and of
a row's largest; float64 is good to 1e-8.
"""

import os

import pytest

os.environ["TRITON_INTERPRET"] = "1"

torch = pytest.importorskip("torch")

from paths import PATHS, computed  # noqa: E402
from steepness.torch import Loss  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

ROWS, CLASSES = 10_000, 7

ln = torch.log


def tangent(le):
    def value(p):
        # eq. 7; autograd goes through the branch that is taken.
        line = ln(torch.tensor(1 - le, dtype=torch.float64)) - (p - le) / (1 - le)
        return -ln(p) + torch.where(p > le, line, ln(1 - torch.where(p > le, 0.5, p)))

    return value


CURVES = {
    "ce": lambda p: -ln(p),
    "el(le=1, clamp=0)": lambda p: -ln(p) + ln(1 - p),
    "el(le=0.75)": tangent(0.75),
    "el(le=0.5)": tangent(0.5),
    "el(le=0)": lambda p: -ln(p) - p,
    "focal(gamma=2)": lambda p: -((1 - p) ** 2) * ln(p),
    "antifocal(gamma=1)": lambda p: -(1 + p) * ln(p),
    "poly(eps=2)": lambda p: -ln(p) + 2 * (1 - p),
    "gce(q=0.7)": lambda p: (1 - p**0.7) / 0.7,
    "prob": lambda p: -p,
    "power(gamma=2)": lambda p: -ln(p) - p**2,
    "cosine": lambda p: -ln(p) + torch.cos(torch.pi * p) - 1,
}


def drawn(soft: bool):
    """Logits from nearly equal ones to nearly certain ones, and targets; float32 holds them."""
    generator = torch.Generator().manual_seed(0)
    spread = torch.logspace(-1, 0.7, ROWS).unsqueeze(1)
    z = spread * torch.randn(ROWS, CLASSES, generator=generator)
    y = torch.randint(CLASSES, (ROWS,), generator=generator)
    if not soft:
        return z, y, torch.nn.functional.one_hot(y, CLASSES).double()
    targets = torch.rand(ROWS, CLASSES, generator=generator)
    targets = targets / targets.sum(1, keepdim=True)
    return z, targets, targets.double()


@pytest.mark.parametrize("spec", CURVES)
@pytest.mark.parametrize("targets", ["labels", "smoothed", "soft"])
@PATHS
def test_value_and_gradient(compute, dtype, targets, spec):
    z, given, weights = drawn(targets == "soft")
    smoothing = 0.1 if targets == "smoothed" else 0.0
    weights = weights * (1 - smoothing) + smoothing / CLASSES
    theirs = z.double().requires_grad_()
    # In float64, with p at most 1 - 1e-6, 1 - p has digits enough.
    p = theirs.softmax(1)
    sure = p.amax(1) < 1 - 1e-6
    assert sure.sum() > 9000
    expected = (CURVES[spec](p.clamp(max=1 - 1e-9)) * weights).sum(1)
    expected.sum().backward()

    criterion = Loss(spec, reduction="none", label_smoothing=smoothing).criterion(CLASSES)
    z = z.to(dtype)
    given = given.to(dtype) if given.is_floating_point() else given
    losses, gradient = computed(compute, criterion, z, given)
    assert losses.dtype == gradient.dtype == dtype
    rtol, atol = (1e-8, 1e-9) if dtype == torch.float64 else (1e-5, 1e-6)
    largest = theirs.grad.abs().amax(1, keepdim=True).expand_as(gradient)
    off = (gradient - theirs.grad).abs() - rtol * largest
    torch.testing.assert_close(losses[sure].double(), expected[sure].detach(), rtol=rtol, atol=atol)
    assert off[sure].amax() <= atol
