"""Ten thousand random rows a curve, against float64 autograd of the formula as it is written."""

import pytest

torch = pytest.importorskip("torch")

from steepness.torch import Loss  # noqa: E402

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


@pytest.mark.parametrize("spec", CURVES)
@pytest.mark.parametrize("soft", [False, True])
def test_value_and_gradient(spec, soft):
    generator = torch.Generator().manual_seed(0)
    rows, classes = 10_000, 7
    spread = torch.logspace(-1, 0.7, rows, dtype=torch.float64).unsqueeze(1)
    z = spread * torch.randn(rows, classes, dtype=torch.float64, generator=generator)
    y = torch.randint(classes, (rows,), generator=generator)
    targets = torch.nn.functional.one_hot(y, classes).double()
    if soft:
        targets = torch.rand(rows, classes, dtype=torch.float64, generator=generator)
        targets = targets / targets.sum(1, keepdim=True)
    ours, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    found = Loss(spec, reduction="none")(ours, targets if soft else y)
    # In float64, with p at most 1 - 1e-9, 1 - p has digits enough.
    values = CURVES[spec](theirs.softmax(1).clamp(max=1 - 1e-9)) * targets
    expected = values.sum(1)
    sure = theirs.softmax(1).amax(1) < 1 - 1e-6
    torch.testing.assert_close(found[sure], expected[sure], rtol=1e-9, atol=1e-9)
    found.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(ours.grad[sure], theirs.grad[sure], rtol=1e-8, atol=1e-9)
    assert sure.sum() > 9000
