"""The Triton kernels, in Triton's interpreter on the CPU: values, gradients, extremes, shapes.

golden_triton.json holds what the program gives in float64; make_triton_golden.py writes it.
"""

import json
import math
import os
from pathlib import Path

import pytest

# Before the kernels are imported: they are made for the interpreter or for a GPU.
os.environ["TRITON_INTERPRET"] = "1"

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

import torch.nn.functional as F  # noqa: E402
from steepness.torch import _triton  # noqa: E402
from steepness.torch._term import Term  # noqa: E402
from torch import Tensor  # noqa: E402
from triton_cases import CURVES, LOG, OPTIONS, term  # noqa: E402

# NumPy, which the interpreter computes with, warns of infinities that are meant.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

GOLDEN = json.loads(Path(__file__).with_name("golden_triton.json").read_text(encoding="utf-8"))
CE, EL = Term.read(term()), Term.read(term(bonus=LOG | {"le": 0.75}))
EXACT = Term.read(term(bonus=LOG | {"clamp": 0.0}))
SMOOTH = Term.read(term(bonus=LOG | {"le": 0.75}, smoothing=0.1))
BLOCKS = pytest.mark.parametrize("blocks", ["one block", "many blocks"])


def cut(monkeypatch, blocks: str) -> None:
    """Makes rows of more than two classes long ones."""
    if blocks == "many blocks":
        monkeypatch.setattr(_triton, "SINGLE", 1)
        monkeypatch.setattr(_triton, "BLOCK", 4)


def run(loss: Term, z: Tensor, targets: Tensor, **options) -> tuple[_triton.Result, Tensor]:
    gradient = torch.full_like(z, 123.0).contiguous()
    result = _triton.loss_and_gradient(loss, z, targets, into=gradient, **options)
    return result, gradient


def close(found: Tensor, expected: Tensor, difference: bool = False) -> None:
    """Equal to 1e-5 of each number.

    The gradient of labels has all its digits in every class. That of soft targets is a `difference` of
    numbers up to 1, which may cancel: there the error is measured by a tenth of a row's largest, too, and
    by float32's rounding of such numbers.
    """
    expected = expected.to(torch.float64)
    tolerance = 1e-5 * expected.abs() + 1e-37
    if difference:
        tolerance = torch.maximum(tolerance, 1e-6 * expected.abs().amax(1, keepdim=True)) + 2e-8
    wrong = ~torch.where(expected.isinf(), found == expected, (found - expected).abs() <= tolerance)
    assert not wrong.any(), (found[wrong], expected[wrong])


def draws(rows: int, classes: int, seed: int = 0, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = scale * torch.randn(rows, classes, generator=generator)
    return z, torch.randint(classes, (rows,), generator=generator)


def reference(z: Tensor, targets: Tensor, le: float = 2.0, smooth: float = 0.0) -> tuple[Tensor, Tensor]:
    """Losses and gradient of cross entropy, or of EL with the log end `le`, by autograd in float64."""
    z = z.detach().double().requires_grad_()
    classes = z.shape[1]
    t = targets.double() if targets.is_floating_point() else F.one_hot(targets, classes).double()
    t = t * (1 - smooth) + smooth / classes
    others = torch.eye(classes, dtype=torch.bool)
    ln_p = z.log_softmax(1)
    value = -ln_p
    if le <= 1:
        ln_q = z.unsqueeze(1).masked_fill(others, -math.inf).logsumexp(2) - z.logsumexp(1, keepdim=True)
        line = math.log(max(1 - le, 1e-300)) - (ln_p.exp() - le) / max(1 - le, 1e-300)
        value = value + torch.where(ln_p.exp() > le, line, ln_q.clamp(min=math.log(1e-5)))
    losses = (t * value).sum(1)
    losses.sum().backward()
    return losses.detach(), z.grad


@BLOCKS
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{case['spec']}, {case['targets']}")
def test_golden_values(case, blocks, monkeypatch):
    cut(monkeypatch, blocks)
    z = torch.tensor([[float(z) for z in row] for row in GOLDEN["logits"]])
    targets = torch.tensor(GOLDEN[case["targets"]])
    loss = Term.read((CURVES | OPTIONS)[case["spec"]])
    result, gradient = run(loss, z, targets, reduction="none")
    # JSON has no infinity: the loss of a mask with a target.
    losses = [math.inf if loss is None else loss for loss in case["losses"]]
    close(result.rows, torch.tensor(losses, dtype=torch.float64))
    cancels = case["targets"] == "soft" or loss.smooth > 0
    close(gradient, torch.tensor(case["gradient"], dtype=torch.float64), cancels)


@pytest.mark.parametrize("classes", [2, 3, 10, 33, 129])
@pytest.mark.parametrize("smooth", [0.0, 0.1])
def test_equals_autograd(classes, smooth):
    z, y = draws(40, classes, seed=classes)
    for loss, le in [(term(), 2.0), (term(bonus=LOG | {"le": 0.75}), 0.75)]:
        losses, expected = reference(z, y, le, smooth)
        result, gradient = run(Term.read(loss | {"smoothing": smooth}), z, y, reduction="sum")
        close(result.rows, losses)
        close(gradient, expected, smooth > 0)
        assert result.loss.item() == pytest.approx(losses.sum().item(), rel=1e-5)


@BLOCKS
def test_exact_where_the_label_is_nearly_certain(blocks, monkeypatch):
    cut(monkeypatch, blocks)
    z = torch.tensor([[60.0, 0.0, 0.0, 0.0, 0.0], [-60.0, 0.0, 0.0, 0.0, 0.0]])
    y = torch.tensor([0, 0])
    # EL is -u with the gradient -1 on the label and the others' softmax, whatever u is.
    result, gradient = run(EXACT, z, y, reduction="sum")
    close(result.rows, -(z[:, 0].double() - math.log(4)))
    close(gradient, torch.tensor([[-1.0, 0.25, 0.25, 0.25, 0.25]] * 2))
    # 1 - p of cross entropy is 4·e^-60, of which float32's 1 - p knows nothing.
    _, gradient = run(CE, z, y, reduction="sum")
    assert gradient[0, 0].item() == pytest.approx(-4 * math.exp(-60), rel=1e-5)
    assert gradient[0, 1].item() == pytest.approx(math.exp(-60), rel=1e-5)


@BLOCKS
@pytest.mark.parametrize("loss", [CE, EL, SMOOTH], ids=["ce", "el", "smooth"])
def test_extreme_logits(loss, blocks, monkeypatch):
    cut(monkeypatch, blocks)
    z = torch.tensor(
        [
            [1e4, -1e4, 0.0, 5.0, 3.0, 1.0, 2.0],
            [-1e4, 1e4, 0.0, 5.0, 3.0, 1.0, 2.0],
            [1e4, 1e4, 1e4, 9999.0, 3.0, 1.0, 2.0],
            [1e-30, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    y = torch.zeros(4, dtype=torch.int64)
    le = 2.0 if loss is CE else 0.75
    losses, expected = reference(z, y, le, loss.smooth)
    result, gradient = run(loss, z, y, reduction="sum")
    close(result.rows, losses)
    close(gradient, expected, loss.smooth > 0)


@BLOCKS
def test_masks(blocks, monkeypatch):
    cut(monkeypatch, blocks)
    inf = math.inf
    z = torch.tensor([[1.0, -inf, 2.0, -inf, 0.5], [-inf, 1.0, 2.0, 0.0, 3.0], [2.0, -inf, -inf, -inf, -inf]])
    y = torch.tensor([0, 0, 0])
    result, gradient = run(CE, z, y, reduction="sum")
    losses, expected = reference(z[:1, [0, 2, 4]], y[:1])
    close(result.rows[:1], losses)
    close(gradient[:1, [0, 2, 4]], expected)
    assert (gradient[0, [1, 3]] == 0).all()
    # A masked label costs infinitely much; the others are pushed down as if it were there.
    assert result.rows[1] == inf
    close(gradient[1:2, 1:], z[1:2, 1:].double().softmax(1))
    assert gradient[1, 0] == -1
    # A label without rivals costs nothing.
    assert result.rows[2] == 0 and (gradient[2] == 0).all()


@BLOCKS
@pytest.mark.parametrize("loss", [EXACT, CE, SMOOTH], ids=["exact", "ce", "smooth"])
def test_no_number_stays_visible(loss, blocks, monkeypatch):
    cut(monkeypatch, blocks)
    z, y = draws(6, 7)
    z[0, 3] = math.nan
    z[1, 3] = math.inf
    z[2, y[2]] = math.inf
    z[3] = -math.inf
    y[4] = 7
    result, gradient = run(loss, z, y, reduction="sum")
    assert result.rows[:5].isnan().all() and gradient[:5].isnan().any(1).all()
    assert gradient[:3].isnan().all() and gradient[4].isnan().all()
    assert result.rows[5].isfinite() and gradient[5].isfinite().all()
    with pytest.raises(IndexError, match="target 7 in row 4 is not below the 7 classes"):
        run(loss, z, y, check=True)


def test_soft_targets_that_are_none():
    z, _ = draws(4, 5)
    t = torch.full((4, 5), 0.2)
    t[0, 1], t[1, 2], t[2, 3] = -0.1, math.inf, math.nan
    result, gradient = run(CE, z, t, reduction="sum")
    assert result.rows[:3].isnan().all() and gradient[:3].isnan().any(1).all()
    close(result.rows[3:], reference(z[3:], t[3:])[0])


@pytest.mark.parametrize("loss", [CE, EL, SMOOTH], ids=["ce", "el", "smooth"])
def test_one_class(loss):
    result, gradient = run(loss, torch.tensor([[3.0], [-2.0]]), torch.tensor([0, 0]))
    assert result.rows.isfinite().all() and (gradient == 0).all()


@pytest.mark.parametrize("loss", [EL, SMOOTH], ids=["hard", "smooth"])
def test_ignored_rows(loss):
    z, y = draws(70, 10)
    z[3] = math.nan
    kept = torch.ones(70, dtype=torch.bool)
    kept[[3, 9, 69]] = False
    y[~kept] = -7
    result, gradient = run(loss, z, y, ignore_index=-7)
    alone, expected = run(loss, z[kept], y[kept])
    assert (result.rows[~kept] == 0).all() and (gradient[~kept] == 0).all()
    assert torch.equal(result.rows[kept], alone.rows) and torch.equal(gradient[kept], expected)
    assert result.loss == alone.loss
    # An index to ignore that is a class, too.
    y[~kept] = 4
    result, gradient = run(loss, z, y, ignore_index=4)
    assert (gradient[y == 4] == 0).all() and (gradient[y != 4] != 0).any(1).all()


@pytest.mark.parametrize("loss", [EL, SMOOTH], ids=["hard", "smooth"])
def test_all_ignored_is_zero(loss):
    z, _ = draws(5, 4)
    result, gradient = run(loss, z, torch.full((5,), -100))
    assert result.loss == 0 and (gradient == 0).all()


@pytest.mark.parametrize("shape", [(0, 4), (3, 4, 0), (0, 4, 2)])
def test_empty_batch(shape):
    z = torch.zeros(shape)
    result, gradient = run(EL, z, torch.zeros(shape[:1] + shape[2:], dtype=torch.int64))
    assert result.loss == 0 and gradient.shape == shape


@pytest.mark.parametrize("loss", [EL, SMOOTH], ids=["hard", "smooth"])
def test_weights_are_pytorchs(loss):
    z, y = draws(12, 5)
    weight, samples = torch.rand(5) + 0.1, torch.rand(12)
    result, gradient = run(CE, z, y, weight=weight)
    a = z.clone().requires_grad_()
    expected = F.cross_entropy(a, y, weight)
    expected.backward()
    assert result.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    close(gradient, a.grad, True)
    plain, of_plain = run(loss, z, y, reduction="none")
    weighed, of_weighed = run(loss, z, y, reduction="none", sample_weight=samples)
    close(weighed.rows, plain.rows * samples)
    close(of_weighed, of_plain * samples[:, None])
    mean, _ = run(loss, z, y, sample_weight=samples)
    assert mean.scale.item() == pytest.approx(1 / samples.sum().item(), rel=1e-5)


@pytest.mark.parametrize("smooth", [0.0, 0.1])
@pytest.mark.parametrize("soft", [False, True])
def test_class_weights_of_smoothed_and_soft_targets_are_pytorchs(smooth, soft):
    z, y = draws(6, 5)
    t = torch.rand(6, 5).softmax(1) if soft else y
    weight = torch.rand(5) + 0.1
    a = z.clone().requires_grad_()
    expected = F.cross_entropy(a, t, weight, label_smoothing=smooth)
    expected.backward()
    result, gradient = run(Term.read(term(smoothing=smooth)), z, t, weight=weight)
    assert result.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    close(gradient, a.grad, True)


def test_priors_and_margins():
    z, y = draws(6, 4)
    offsets, margins = [-1.0, -2.0, -0.5, -3.0], [0.1, 0.2, 0.3, 0.4]
    moved = 2 * (z + torch.tensor(offsets)) - 2 * F.one_hot(y, 4) * torch.tensor(margins)
    losses, expected = reference(moved, y, 0.75)
    described = term(bonus=LOG | {"le": 0.75}, offsets=offsets, margins=margins, after=2.0)
    result, gradient = run(Term.read(described), z, y, reduction="sum")
    close(result.rows, losses)
    close(gradient, 2 * expected)
    with pytest.raises(ValueError, match="made for 4 classes, and the logits have 5"):
        run(Term.read(described), *draws(2, 5))
    with pytest.raises(ValueError, match="one label a row"):
        run(Term.read(described | {"smoothing": 0.1}), z, y)


@BLOCKS
@pytest.mark.parametrize("loss", [EL, SMOOTH], ids=["hard", "smooth"])
@pytest.mark.parametrize("soft", [False, True])
def test_any_strides(loss, soft, blocks, monkeypatch):
    cut(monkeypatch, blocks)
    z, y = draws(12, 6)
    t = torch.rand(12, 6).softmax(1) if soft else y
    result, expected = run(loss, z, t, reduction="sum")

    def check(z: Tensor, t: Tensor, back) -> None:
        found, gradient = run(loss, z, t, reduction="sum")
        torch.testing.assert_close(found.rows.reshape(-1), result.rows)
        torch.testing.assert_close(back(gradient), expected)

    check(z.t().contiguous().t(), t, lambda g: g)
    wide = torch.zeros(24, 12)
    wide[::2, ::2] = z
    check(wide[::2, ::2], t, lambda g: g)
    # (N, C, d) with the classes in the middle, as they are and with the classes last in memory.
    middle = z.reshape(4, 3, 6).transpose(1, 2)
    of_middle = t.reshape(4, 3, 6).transpose(1, 2) if soft else t.reshape(4, 3)
    check(middle, of_middle, lambda g: g.transpose(1, 2).reshape(12, 6))
    check(middle.contiguous(), of_middle, lambda g: g.transpose(1, 2).reshape(12, 6))
    plane = z.reshape(2, 3, 2, 6).movedim(3, 1)
    of_plane = t.reshape(2, 3, 2, 6).movedim(3, 1) if soft else t.reshape(2, 3, 2)
    check(plane, of_plane, lambda g: g.movedim(1, 3).reshape(12, 6))
    # One row in all places.
    found, gradient = run(loss, z[:1].expand(4, 6), t[:1].expand(4, *t.shape[1:]), reduction="sum")
    torch.testing.assert_close(gradient, expected[:1].expand(4, 6))
    assert found.rows.shape == (4,)


def test_a_row_alone():
    z, y = draws(1, 6)
    result, gradient = run(EL, z[0], y[0])
    expected, of_row = run(EL, z, y)
    assert result.loss == expected.loss and torch.equal(gradient, of_row[0])


@BLOCKS
@pytest.mark.parametrize("loss", [EL, SMOOTH], ids=["hard", "smooth"])
def test_in_place(loss, blocks, monkeypatch):
    cut(monkeypatch, blocks)
    z, y = draws(9, 11)
    _, expected = run(loss, z, y)
    _triton.loss_and_gradient(loss, z, y, into=z)
    assert torch.equal(z, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loss", [EL, SMOOTH], ids=["hard", "smooth"])
def test_half_precision_is_float32_inside(loss, dtype):
    z, y = draws(20, 50)
    z = z.to(dtype)
    result, gradient = run(loss, z, y)
    wide, expected = run(loss, z.float(), y)
    assert torch.equal(result.rows, wide.rows)
    # On a GPU the gradient is rounded; Triton's interpreter cuts bfloat16 off.
    digits = 2**-7 if dtype == torch.bfloat16 else 2**-11
    assert gradient.dtype == dtype
    torch.testing.assert_close(gradient.float(), expected, rtol=digits, atol=6e-8)
    # The gradient may be wider than the logits.
    into = torch.empty_like(z, dtype=torch.float32)
    _triton.loss_and_gradient(loss, z, y, into=into)
    assert torch.equal(into, expected)


def test_many_classes():
    z, y = draws(1, 100_003)
    losses, expected = z.double(), torch.zeros(0)
    z64 = z.double().requires_grad_()
    losses = F.cross_entropy(z64, y, reduction="none")
    losses.sum().backward()
    expected = z64.grad
    result, gradient = run(CE, z, y, reduction="sum")
    assert _triton.tile(100_003).blocks == 13
    close(result.rows, losses.detach())
    close(gradient, expected)


def test_what_does_not_fit_is_refused():
    z, y = draws(3, 4)
    for targets, options in [
        (y[:2], {}),
        (torch.rand(3, 5), {}),
        (y, {"weight": torch.ones(3)}),
        (y, {"sample_weight": torch.ones(4)}),
        (y, {"reduction": "median"}),
    ]:
        with pytest.raises(ValueError, match="expected"):
            run(CE, z, targets, **options)
    with pytest.raises(TypeError, match="float64"):
        run(CE, z.double(), y)


def test_what_is_unknown_is_none():
    assert Term.read(term() | {"softmax": False, "base": None}) is None
    assert Term.read(term({"name": "newcurve", "a": 1.0})) is None
    assert Term.read(term({"name": "poly", "epsilon": 1.0})) is None
    assert not _triton.supports([None], soft=False)
    assert not _triton.supports([CE, EL], soft=False)
    assert _triton.supports([EL], soft=True)
