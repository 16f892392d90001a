"""`steepness.torch.Loss`: in the place of `torch.nn.CrossEntropyLoss`."""

import copy
import io
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from steepness.torch import EncouragingLoss, Loss, _backend, _composed, _kernel, linear_loss  # noqa: E402
from steepness.torch._layout import layout  # noqa: E402
from torch import nn  # noqa: E402

SPECS = [
    "ce",
    "el(le=0.75)",
    "el(le=1, clamp=0)",
    "focal(gamma=2)",
    "deft",
    "gce(q=0.7)",
    "ce + temp(2) + zloss(0.1)",
]


def draws(*shape: int, dtype=torch.float64, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    z = 3 * torch.randn(*shape, dtype=torch.float64, generator=generator)
    return z.to(dtype).requires_grad_()


def test_golden_values(golden):
    for entry in golden:
        z = torch.tensor([entry["logits"]], dtype=torch.float64, requires_grad=True)
        t = torch.tensor([entry["targets"]], dtype=torch.float64)
        loss = Loss(entry["spec"])(z, t.argmax(1) if 1.0 in entry["targets"] else t)
        loss.backward()
        np.testing.assert_allclose(loss.item(), entry["loss"], rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(z.grad[0], entry["gradient"], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    "shape, of_targets",
    [((6, 4), (6,)), ((4,), ()), ((2, 4, 3), (2, 3)), ((2, 4, 3, 2), (2, 3, 2)), ((0, 4), (0,))],
)
def test_cross_entropy_is_pytorchs(shape, of_targets, smoothing, weighted, reduction):
    weight = torch.tensor([1.0, 0.5, 2.0, 0.0], dtype=torch.float64) if weighted else None
    options = {
        "weight": weight,
        "reduction": reduction,
        "label_smoothing": smoothing,
    }
    hard = torch.arange(int(np.prod(of_targets))).reshape(of_targets) % 4
    axis = min(1, len(shape) - 1)
    soft = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    soft = soft / soft.sum(axis, keepdim=True)
    for targets in (hard, soft):
        if 0 in shape and reduction == "mean":
            continue  # PyTorch's is NaN, ours 0.
        if targets is hard:
            options["ignore_index"] = 2
        else:
            del options["ignore_index"]
        theirs, ours = nn.CrossEntropyLoss(**options), Loss("ce", **options)
        a, b = draws(*shape), draws(*shape)
        expected, found = theirs(a, targets), ours(b, targets)
        assert found.shape == expected.shape and found.dtype == expected.dtype
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        factor = torch.rand(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        (expected * factor).sum().backward()
        (found * factor).sum().backward()
        torch.testing.assert_close(b.grad, a.grad, rtol=1e-12, atol=1e-12)


def test_nothing_counted_is_zero():
    z = draws(3, 4)
    loss = Loss("ce")(z, torch.full((3,), -100))
    loss.backward()
    assert loss.item() == 0 and not z.grad.any()


def test_batch_time_classes():
    z, y = draws(2, 3, 5), torch.tensor([[0, 1, 2], [3, 4, -100]])
    found = Loss("el")(z, y)
    assert found.item() == pytest.approx(Loss("el")(z.reshape(-1, 5), y.reshape(-1)).item())
    # As in PyTorch where it could be both.
    square = draws(2, 3, 3)
    y = torch.tensor([[0, 1, 2], [2, 1, 0]])
    assert Loss("ce")(square, y).item() == pytest.approx(F.cross_entropy(square, y).item())


@pytest.mark.parametrize("spec", SPECS)
def test_gradcheck(spec):
    y = torch.tensor([0, 2, 1, -100, 3])
    for reduction in ("mean", "none"):
        criterion = Loss(spec, reduction=reduction)
        # DEFT's exponent is held fixed in its gradient: no derivative of its value.
        if spec != "deft":
            assert torch.autograd.gradcheck(lambda z, c=criterion: c(z, y), draws(5, 4))


@pytest.mark.parametrize(
    "dtype, close", [(torch.float32, 1e-6), (torch.bfloat16, 4e-3), (torch.float16, 1e-3)]
)
def test_types(dtype, close):
    z = draws(6, 5, dtype=dtype)
    wide = z.detach().double().requires_grad_()
    y = torch.arange(6) % 5
    loss = Loss("el(le=0.5)")(z, y)
    assert loss.dtype == torch.float32
    loss.backward()
    Loss("el(le=0.5)")(wide, y).backward()
    assert z.grad.dtype == dtype
    assert (z.grad.double() - wide.grad).abs().max() < close


def test_scaling_reaches_small_gradients_of_float16():
    z = torch.zeros(1 << 16, 2, dtype=torch.float16, requires_grad=True)
    (Loss("ce")(z, torch.zeros(1 << 16, dtype=torch.long)) * 2.0**16).backward()
    assert (z.grad[:, 0] == -0.5).all()


def test_strides_do_not_matter():
    z, y = draws(6, 5).detach(), torch.arange(6) % 5
    expected = Loss("el")(z, y)
    for other in (z.T.contiguous().T, torch.stack([z, z], 2)[:, :, 1], z.clone().T.T):
        other = other.detach().requires_grad_()
        found = Loss("el")(other, y.flip(0).flip(0).to(torch.int32))
        found.backward()
        assert found == expected and other.grad.shape == z.shape
    row = draws(1, 5)
    Loss("el", reduction="sum")(row.expand(6, 5), y).backward()
    six = row.detach().expand(6, 5).clone().requires_grad_()
    Loss("el", reduction="sum")(six, y).backward()
    torch.testing.assert_close(row.grad[0], six.grad.sum(0))


def test_without_a_gradient():
    z, y = draws(6, 5), torch.arange(6) % 5
    criterion = Loss("el(le=auto)")
    with torch.no_grad():
        quiet = criterion(z, y)
    with torch.inference_mode():
        inference = criterion(z, y)
    assert not quiet.requires_grad and quiet == inference == criterion(z.detach(), y)
    assert criterion.state[2] == -1
    assert criterion(z, y).requires_grad and criterion.state[2] > 0


def test_state_is_saved_copied_and_pickled():
    z, y = draws(6, 5), torch.arange(6) % 5
    criterion = Loss("el(le=auto) + match", weight=[1.0, 2.0, 1.0, 1.0, 0.5])
    for _ in range(3):
        criterion(z, y).backward()
    other = Loss("el(le=auto) + match", weight=[1.0] * 5)
    other.load_state_dict(criterion.state_dict())
    stored = io.BytesIO()
    torch.save(criterion, stored)
    stored.seek(0)
    loaded = torch.load(stored, weights_only=False)
    with torch.no_grad():
        expected = criterion(z, y)
        for copied in (
            other,
            copy.deepcopy(criterion),
            pickle.loads(pickle.dumps(criterion)),
            loaded,
        ):
            assert copied(z, y) == expected and repr(copied) == repr(criterion)
    moved = nn.ModuleList([criterion]).to(torch.bfloat16)[0]
    assert moved.state.dtype == torch.float64 and moved.weight.dtype == torch.bfloat16


def test_epochs():
    z, y = draws(6, 5), torch.arange(6) % 5
    late = Loss("el(le=0.5) from epoch 3")
    late.set_epoch(2, 9)
    assert late(z, y) == Loss("ce")(z, y)
    late.set_epoch(3, 9)
    assert late(z, y) == Loss("el(le=0.5)")(z, y)
    Loss("ce").set_epoch(1, 2)
    with pytest.raises(ValueError, match="epoch -1 of 9"):
        late.set_epoch(-1, 9)


def test_encouraging_loss_by_its_name():
    z, y = draws(6, 5), torch.arange(6) % 5
    assert EncouragingLoss(le=0.75)(z, y) == Loss("el(le=0.75)")(z, y)
    assert EncouragingLoss(0.5, clamp=0)(z, y) == Loss("el(le=0.5, clamp=0)")(z, y)
    assert "label_smoothing" not in repr(EncouragingLoss(0.5, label_smoothing=0.1))
    with pytest.raises(ValueError, match="le must lie in"):
        EncouragingLoss(le=1.5)


@pytest.mark.parametrize(
    "kind, part, call",
    [
        (
            IndexError,
            "target 5 in row 1 is not below the 5 classes",
            lambda z: Loss("ce")(z, torch.tensor([0, 5])),
        ),
        (ValueError, "targets of shape (3,)", lambda z: Loss("ce")(z, torch.tensor([0, 1, 2]))),
        (ValueError, "column 1", lambda z: Loss("xyz")),
        (TypeError, "logits of torch.int64", lambda z: Loss("ce")(z.long(), torch.tensor([0, 1]))),
        (
            ValueError,
            "row 0, column 0 is NaN",
            lambda z: Loss("ce")(z * torch.nan, torch.tensor([0, 1])),
        ),
        (
            ValueError,
            "2 class weights for 5 classes",
            lambda z: Loss("ce", [1.0, 2.0])(z, torch.tensor([0, 1])),
        ),
        (ValueError, "weight of shape (1, 2)", lambda z: Loss("ce", torch.ones(1, 2))),
        (
            ValueError,
            "sample weights of shape (3,)",
            lambda z: Loss("ce")(z, torch.tensor([0, 1]), torch.ones(3)),
        ),
        (ValueError, 'expected "mean"', lambda z: Loss("ce", reduction="avg")),
        (
            ValueError,
            "3 class counts for 5 classes",
            lambda z: Loss("ce + adjust(tau=1)", class_counts=[1, 2, 3])(z, torch.tensor([0, 1])),
        ),
    ],
)
def test_errors(kind, part, call):
    with pytest.raises(kind) as caught:
        call(draws(2, 5))
    assert part in str(caught.value)


def test_a_second_derivative_is_refused():
    z, y = draws(3, 4), torch.tensor([0, 1, 2])
    (slope,) = torch.autograd.grad(Loss("ce")(z, y), z, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        slope.sum().backward()
    with pytest.raises(RuntimeError):
        torch.func.vmap(lambda row: Loss("ce")(row, torch.tensor(0)))(z)


def test_backward_twice_and_many_times():
    z, y = draws(3, 4), torch.tensor([0, 1, 2])
    loss = Loss("el")(z, y)
    (once,) = torch.autograd.grad(loss, z, retain_graph=True)
    (twice,) = torch.autograd.grad(loss, z, retain_graph=True)
    torch.testing.assert_close(once, twice)
    loss.backward()
    z.grad.zero_()
    Loss("el")(z, y).backward()
    torch.testing.assert_close(z.grad, once)


def test_in_place():
    x, y = draws(8, 3), torch.arange(8) % 4
    layer = nn.Linear(3, 4, dtype=torch.float64)
    Loss("el(le=0.5)")(layer(x), y).backward()
    expected = [x.grad.clone(), layer.weight.grad.clone()]
    x.grad = None
    layer.zero_grad()
    logits = layer(x)
    over = Loss("el(le=0.5)", inplace=True)
    (2 * over(logits, y)).backward()
    for found, was in zip([x.grad, layer.weight.grad], expected, strict=True):
        torch.testing.assert_close(found, 2 * was)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        over(layer(x).exp(), y).backward()
    for wrong, part in [(draws(8, 4), "leaf"), (layer(x).T.contiguous().T, "not contiguous")]:
        with pytest.raises(ValueError, match=part):
            over(wrong, y)


def test_autocast_gives_float32():
    layer, x, y = nn.Linear(3, 4), torch.randn(5, 3), torch.arange(5) % 4
    with torch.autocast("cpu", torch.bfloat16):
        logits = layer(x)
        loss = Loss("el")(logits, y)
    assert logits.dtype == torch.bfloat16 and loss.dtype == torch.float32
    loss.backward()
    assert layer.weight.grad.isfinite().all()


def test_checkpointing():
    from torch.utils.checkpoint import checkpoint

    layer, x, y = nn.Linear(3, 4), torch.randn(5, 3), torch.arange(5) % 4
    checkpoint(lambda x: Loss("el")(layer(x), y), x, use_reentrant=False).backward()
    found = layer.weight.grad.clone()
    layer.zero_grad()
    Loss("el")(layer(x), y).backward()
    torch.testing.assert_close(layer.weight.grad, found)


COMPOSED = [
    *SPECS,
    "el(le=0.5) + softcap(5)",
    "ce + margin(m=0.3, scale=5)",
    "el(le=0.8, start=0.3, rho=0.5)",
    "cosine",
    "halted(gamma=1, at=0.5)",
]


def composed_is_the_kernels(criterion, z, y, sample_weight, where, close) -> None:
    """Value and gradient are the kernels', with the same types, and the value alone is that value."""
    expected = _kernel.compute(criterion, z, y, sample_weight, where, True)
    found = _composed.compute(criterion, z, y, sample_weight, where, True)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=close, atol=close)
    value, nothing = _composed.compute(criterion, z, y, sample_weight, where, False)
    assert nothing is None
    torch.testing.assert_close(value, expected[0], rtol=close, atol=close)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("spec", COMPOSED)
def test_composed_of_operators_it_is_the_kernels(spec, reduction):
    y = torch.tensor([[0, 2, -100], [3, 3, 1]])
    weights = torch.tensor([[1.0, 0.0, 5.0], [2.0, 1.0, 1.0]])
    for dtype, close in [(torch.float64, 1e-12), (torch.float32, 2e-6), (torch.bfloat16, 4e-3)]:
        z = draws(2, 4, 3, dtype=dtype).detach()
        z[0, 1, 0] = -torch.inf
        where = layout(z, y)
        criterion = Loss(spec, weight=[1.0, 2.0, 0.5, 1.0], reduction=reduction).criterion(4)
        assert _composed.supports(criterion, where)
        for sample_weight in (None, weights):
            composed_is_the_kernels(criterion, z, y, sample_weight, where, close)


SOFT = [
    "ce",
    "el(le=0.75)",
    "el(le=1, clamp=0)",
    "el(le=0.8, start=0.3, rho=0.5)",
    "ce + temp(2) + zloss(0.1)",
    "el(le=0.5) + softcap(5) + smooth(0.3)",
    "el(le=0.5) + smooth(0.1, bonus=0.05)",
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("spec", SOFT)
def test_composed_of_operators_soft_targets_are_the_kernels(spec, smoothing, reduction):
    if smoothing > 0.0 and "smooth" in spec:
        pytest.skip("it says its smoothing itself")
    labels = torch.tensor([[0, 2, -100], [3, 3, 1]])
    weights = torch.tensor([[1.0, 0.0, 5.0], [2.0, 1.0, 1.0]])
    for dtype, close in [(torch.float64, 1e-12), (torch.float32, 2e-6), (torch.bfloat16, 4e-3)]:
        z = draws(2, 4, 3, dtype=dtype).detach()
        for weight in (None, [1.0, 2.0, 0.5, 0.0]):
            loss = Loss(spec, weight=weight, reduction=reduction, label_smoothing=smoothing)
            criterion = loss.criterion(4)
            soft = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
            # One that is certain of a class.
            soft[0, :, 0] = torch.tensor([0.0, 1.0, 0.0, 0.0])
            for targets in (soft.softmax(1).to(dtype), soft.to(dtype), labels):
                where = layout(z, targets)
                assert _composed.supports(criterion, where)
                for sample_weight in (None, weights):
                    composed_is_the_kernels(criterion, z, targets, sample_weight, where, close)


def test_composed_soft_targets_extremes_and_errors():
    inf = torch.inf
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [2.0, -inf, -inf], [0.5, -inf, 1.0]])
    t = torch.tensor([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.0, 0.5]])
    for spec in ("ce", "el(le=1)", "el(le=0.5)"):
        for rows in (z, z.double()):
            targets = t.to(rows.dtype)
            criterion = Loss(spec, reduction="none").criterion(3)
            expected = _kernel.compute(criterion, rows, targets, None, layout(rows, targets), True)
            found = _composed.compute(criterion, rows, targets, None, layout(rows, targets), True)
            for a, b in zip(found, expected, strict=True):
                torch.testing.assert_close(a, b)
    for shape in ((0, 3), (2, 1)):
        rows, targets = torch.zeros(shape), torch.full(shape, 0.5)
        criterion = Loss("ce").criterion(shape[1])
        loss, gradient = _composed.compute(criterion, rows, targets, None, layout(rows, targets), True)
        assert loss == 0 and gradient.shape == shape and not gradient.any()
    criterion = Loss("ce").criterion(3)
    for wrong, value in [((1, 2), -0.5), ((3, 0), torch.nan)]:
        bad = t.clone()
        bad[wrong] = value
        with pytest.raises(ValueError, match=f"in row {wrong[0]}, class {wrong[1]} is not a finite"):
            _composed.compute(criterion, z, bad, None, layout(z, bad), True)
    for value in (torch.nan, inf):
        bad = z.clone()
        bad[1, 2] = value
        with pytest.raises(ValueError, match=f"row 1, column 2 is {value}"):
            _composed.compute(criterion, bad, t, None, layout(bad, t), True)
    with pytest.raises(ValueError, match="row 3, column 0 is -inf"):
        bad = z.clone()
        bad[3] = -inf
        _composed.compute(criterion, bad, t, None, layout(bad, t), True)
    # NaN where nothing counts is nobody's.
    bad = z.clone()
    bad[1] = torch.nan
    y = torch.tensor([0, -100, 0, 0])
    smooth = Loss("el(le=0.5) + smooth(0.1)").criterion(3)
    loss, gradient = _composed.compute(smooth, bad[:2], y[:2], None, layout(bad[:2], y[:2]), True)
    assert loss.isfinite() and not gradient[1].any() and gradient[0].any()


def test_composed_extremes_and_errors():
    y = torch.tensor([0, 0, -100])
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [torch.nan] * 3])
    for spec in ("ce", "el(le=1)", "el(le=0.5)"):
        criterion = Loss(spec).criterion(3)
        expected = _kernel.compute(criterion, z, y, None, layout(z, y), True)
        found = _composed.compute(criterion, z, y, None, layout(z, y), True)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b)
    one = torch.zeros(2, 1)
    found = _composed.compute(Loss("ce").criterion(1), one, y[:2], None, layout(one, y[:2]), True)
    assert found[0] == 0 and not found[1].any()
    criterion = Loss("ce").criterion(3)
    with pytest.raises(ValueError, match="row 2, column 0 is nan"):
        _composed.compute(criterion, z, y * 0, None, layout(z, y), True)
    with pytest.raises(IndexError, match="target 3 in row 1"):
        _composed.compute(criterion, z, torch.tensor([0, 3, 0]), None, layout(z, y), True)
    with pytest.raises(ValueError, match="row 1, column 0 is -inf"):
        masked = torch.tensor([[0.0, 0, 0], [-torch.inf] * 3, [0, 0, 0]])
        _composed.compute(criterion, masked, y * 0, None, layout(z, y), True)


def test_what_is_composed_and_what_is_not():
    z, y = draws(2, 4), torch.tensor([0, 1])
    for spec, composed in [
        ("ce", True),
        ("ce + smooth(0.1)", True),
        ("el(le=0.5) + smooth(0.1, bonus=0.05)", True),
        ("focal(gamma=2) + smooth(0.1)", False),
        ("el(sub=0.7) + smooth(0.1)", False),
        ("bce", False),
        ("el + match", False),
        ("el(le=auto)", False),
        ("ce + jsd", False),
    ]:
        criterion = Loss(spec).criterion(4)
        assert _composed.supports(criterion, layout(z, y)) == composed, spec
        if not composed:
            with pytest.raises(ValueError, match="is not composed"):
                _composed.compute(criterion, z, y, None, layout(z, y), True)
    assert _backend.choose(Loss("ce").criterion(4), z, layout(z, y)) is _kernel.compute


@pytest.mark.parametrize("spec", ["ce", "el(le=0.75)", "ce + smooth(0.1)", "el(le=auto)"])
def test_the_operator_passes_pytorchs_checks(spec):
    criterion = Loss(spec)
    for y in (torch.tensor([0, -100, 2]), torch.rand(3, 4)):
        for reduction in ("mean", "none"):
            arguments = (
                draws(3, 4, dtype=torch.float32),
                y,
                None,
                None,
                criterion.state,
                criterion.spec,
                None,
                -100,
                reduction,
                True,
            )
            torch.library.opcheck(torch.ops.steepness.loss, arguments)


@pytest.mark.parametrize("spec", ["ce", "el(le=0.75)", "el(le=auto) + match"])
def test_compiled_it_is_the_same_with_ignored_rows(spec):
    torch._dynamo.reset()
    layer = nn.Linear(3, 5, dtype=torch.float64)
    eager, traced = (
        Loss(spec, weight=[1.0, 2.0, 0.5, 1.0, 1.0]),
        Loss(spec, weight=[1.0, 2.0, 0.5, 1.0, 1.0]),
    )
    traced = copy.deepcopy(eager)
    step = torch.compile(
        lambda x, y: traced(layer(x), y) * 3, fullgraph=True, dynamic=True, backend="aot_eager"
    )
    for rows in (4, 6, 9):
        x = draws(rows, 3, seed=rows)
        y = torch.arange(rows) % 5
        y[1::2] = -100
        (eager(layer(x), y) * 3).backward()
        expected, slope = layer.weight.grad.clone(), x.grad.clone()
        layer.zero_grad()
        x.grad = None
        step(x, y).backward()
        torch.testing.assert_close(layer.weight.grad, expected)
        torch.testing.assert_close(x.grad, slope)
        layer.zero_grad()
    if eager.state is not None:
        torch.testing.assert_close(traced.state, eager.state)


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.parametrize("spec", ["ce", "el(le=0.75)"])
def test_compiled_by_inductor_it_is_the_same(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    torch.manual_seed(0)
    layer, criterion = nn.Linear(3, 5), Loss(spec)
    step = torch.compile(lambda x, y: criterion(layer(x).relu(), y) * 3, fullgraph=True, dynamic=True)
    for rows in (4, 9):
        x = draws(rows, 3, dtype=torch.float32, seed=rows)
        y = torch.arange(rows) % 5
        y[1::2] = -100
        found, slopes = step(x, y), []
        expected = criterion(layer(x).relu(), y) * 3
        torch.testing.assert_close(found, expected)
        for loss in (found, expected):
            layer.zero_grad()
            x.grad = None
            loss.backward()
            slopes.append([x.grad.clone(), layer.weight.grad.clone()])
        torch.testing.assert_close(slopes[0], slopes[1])


def test_exported():
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.criterion = nn.Linear(3, 5), Loss("el(le=0.5)")

        def forward(self, x, y):
            return self.criterion(self.layer(x), y)

    model, x, y = Model(), torch.randn(4, 3), torch.tensor([0, 1, 2, -100])
    program = torch.export.export(model, (x, y))
    torch.testing.assert_close(program.module()(x, y), model(x, y))


@pytest.mark.parametrize("spec", ["ce", "el(le=0.5)", "ce + smooth(0.1)"])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_loss_is_the_layer_and_the_loss(spec, with_bias):
    y = torch.tensor([3, 0, -100, 1, 3])
    found = []
    for fused in (True, False):
        x, w = draws(5, 3, seed=1), draws(4, 3, seed=2)
        b = draws(4, seed=3) if with_bias else None
        loss = linear_loss(x, w, y, spec, b) if fused else Loss(spec)(F.linear(x, w, b), y)
        (3 * loss).backward()
        found.append([loss.detach(), x.grad, w.grad, *([b.grad] if with_bias else [])])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_linear_loss_of_sequences_soft_targets_and_what_is_refused():
    x, w = draws(2, 3, 4, dtype=torch.bfloat16), draws(5, 4, dtype=torch.float32)
    y = torch.tensor([[0, 1, 2], [3, 4, -100]])
    loss = linear_loss(x, w, y, Loss("el", reduction="sum"))
    loss.backward()
    assert x.grad.shape == x.shape and x.grad.dtype == torch.bfloat16 and loss.dtype == torch.float32
    soft = torch.rand(2, 3, 5).softmax(-1)
    expected = F.cross_entropy(F.linear(x.float(), w).reshape(-1, 5), soft.reshape(-1, 5))
    torch.testing.assert_close(linear_loss(x, w, soft, "ce"), expected)
    for kind, part, call in [
        (
            ValueError,
            "weight of shape (5, 3): expected (5, 4)",
            lambda: linear_loss(x, w[:, :3], y, "ce"),
        ),
        (TypeError, "weight of torch.float64", lambda: linear_loss(x, w.double(), y, "ce")),
        (IndexError, "target 5 in row 0", lambda: linear_loss(x, w, y + 5, "ce")),
        (
            ValueError,
            "belongs to all rows",
            lambda: linear_loss(x, w, y, Loss("ce", reduction="none")),
        ),
        (ValueError, "targets of shape (3,)", lambda: linear_loss(x, w, y[0], "ce")),
    ]:
        with pytest.raises(kind) as caught:
            call()
        assert part in str(caught.value)


def test_importing_steepness_does_not_import_torch():
    line = "import steepness, sys; assert 'torch' not in sys.modules; steepness.loss('ce', [[0.0, 1.0]], [0])"
    subprocess.run([sys.executable, "-c", line], check=True)
