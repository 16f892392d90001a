"""Sizes, shapes and circumstances at the edge of what there is, by whoever computes for PyTorch."""

import multiprocessing
import os
import threading

import pytest

os.environ["TRITON_INTERPRET"] = "1"

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from paths import PATHS, computed  # noqa: E402
from steepness.torch import Loss, _kernel  # noqa: E402
from steepness.torch._layout import layout  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

KINDS = pytest.mark.parametrize("kind", ["labels", "smoothed", "soft"])


def criterion_of(spec: str, kind: str, classes: int, **options):
    return Loss(spec, label_smoothing=0.1 if kind == "smoothed" else 0.0, **options).criterion(classes)


def drawn(kind: str, rows: int, classes: int, dtype) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(classes)
    z = (3 * torch.randn(rows, classes, generator=generator)).to(dtype)
    if kind == "soft":
        return z, torch.rand(rows, classes, generator=generator).softmax(1).to(dtype)
    return z, torch.randint(classes, (rows,), generator=generator)


@PATHS
@KINDS
def test_a_hundred_thousand_classes(compute, dtype, kind):
    z, targets = drawn(kind, 2, 100_003, dtype)
    loss, gradient = computed(compute, criterion_of("ce", kind, 100_003), z, targets)
    theirs = z.double().requires_grad_()
    t = targets.double() if kind == "soft" else targets
    expected = F.cross_entropy(theirs, t, label_smoothing=0.1 if kind == "smoothed" else 0.0)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    largest = theirs.grad.abs().amax()
    assert (gradient - theirs.grad).abs().amax() <= 1e-6 * largest


@PATHS
@KINDS
@pytest.mark.parametrize("spec", ["ce", "el(le=0.75)", "el(le=1)"])
def test_one_class(compute, dtype, kind, spec):
    z, targets = torch.tensor([[3.0], [-1e4]], dtype=dtype), torch.tensor([0, 0])
    if kind == "soft":
        targets = torch.tensor([[1.0], [1.0]], dtype=dtype)
    loss, gradient = computed(compute, criterion_of(spec, kind, 1), z, targets)
    by_kernel, _ = _kernel.compute(
        criterion_of(spec, kind, 1), z.double(), targets.double() if kind == "soft" else targets, None,
        layout(z, targets), True,
    )  # fmt: skip
    assert loss.item() == pytest.approx(by_kernel.item(), rel=1e-6) and loss.isfinite()
    assert not gradient.any()


@PATHS
@KINDS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(0, 4), (2, 4, 0), (0, 4, 3)])
def test_nothing_in_the_batch(compute, dtype, kind, reduction, shape):
    z = torch.empty(shape, dtype=dtype)
    of_rows = shape[:1] + shape[2:]
    targets = torch.empty(shape, dtype=dtype) if kind == "soft" else torch.empty(of_rows, dtype=torch.int64)
    criterion = criterion_of("el(le=0.75)", kind, 4, reduction=reduction)
    loss, gradient = computed(compute, criterion, z, targets)
    assert loss.shape == (of_rows if reduction == "none" else ()) and not loss.any()
    assert gradient.shape == shape


@PATHS
@pytest.mark.parametrize("kind", ["labels", "smoothed"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_all_ignored(compute, dtype, kind, reduction):
    # Nobody looks at their logits.
    z = torch.full((3, 4), torch.nan, dtype=dtype)
    criterion = criterion_of("el(le=0.75)", kind, 4, reduction=reduction)
    loss, gradient = computed(compute, criterion, z, torch.full((3,), -100))
    assert not loss.any() and not gradient.any()


@PATHS
@KINDS
def test_extreme_logits(compute, dtype, kind):
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [0.0, -torch.inf, 1.0]], dtype=dtype)
    targets = torch.tensor([0, 0, 2])
    if kind == "soft":
        targets = torch.tensor([[0.5, 0.2, 0.3], [0.0, 0.0, 1.0], [0.5, 0.0, 0.5]], dtype=dtype)
    # A smoothed mask costs infinitely much.
    rows = slice(0, 2 if kind == "smoothed" else 3)
    z, targets = z[rows], targets[rows]
    for spec in ("ce", "el(le=0.5)", "el(le=1)"):
        loss, gradient = computed(compute, criterion_of(spec, kind, 3, reduction="none"), z, targets)
        t = targets.double() if kind == "soft" else targets
        expected = _kernel.compute(
            criterion_of(spec, kind, 3, reduction="none"), z.double(), t, None, layout(z, t), True
        )
        assert loss.isfinite().all() and gradient.isfinite().all()
        torch.testing.assert_close(loss.double(), expected[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(gradient.double(), expected[1], rtol=1e-5, atol=1e-6)
        if spec == "ce":
            smoothing = 0.1 if kind == "smoothed" else 0.0
            theirs = F.cross_entropy(z.double(), t, reduction="none", label_smoothing=smoothing)
            # PyTorch's 0·(−∞) is NaN where a target of 0 meets a mask.
            known = ~theirs.isnan()
            torch.testing.assert_close(loss[known].double(), theirs[known], rtol=1e-5, atol=1e-6)


@PATHS
@KINDS
def test_strides_and_channels_in_the_middle(compute, dtype, kind):
    z, targets = drawn(kind, 12, 5, dtype)
    expected = computed(compute, criterion_of("el(le=0.75)", kind, 5, reduction="sum"), z, targets)

    def check(z, targets, back):
        assert not z.is_contiguous() or z.dim() > 2
        criterion = criterion_of("el(le=0.75)", kind, 5, reduction="sum")
        loss, gradient = computed(compute, criterion, z, targets)
        torch.testing.assert_close(loss, expected[0])
        torch.testing.assert_close(back(gradient), expected[1])

    check(z.t().contiguous().t(), targets, lambda g: g)
    check(torch.stack([z, 0 * z], 2)[:, :, 0], targets, lambda g: g)
    middle = z.reshape(4, 3, 5).transpose(1, 2)
    of_middle = targets.reshape(4, 3, 5).transpose(1, 2) if kind == "soft" else targets.reshape(4, 3)
    for one in (middle, middle.contiguous()):
        check(one, of_middle, lambda g: g.transpose(1, 2).reshape(12, 5))
    one_row = z[:1].expand(4, 5)
    criterion = criterion_of("el(le=0.75)", kind, 5, reduction="sum")
    _, gradient = computed(compute, criterion, one_row, targets[:1].expand(4, *targets.shape[1:]))
    torch.testing.assert_close(gradient, expected[1][:1].expand(4, 5))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@KINDS
def test_autocast(dtype, kind):
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(3, 4), torch.randn(5, 3)
    _, targets = drawn(kind, 5, 4, torch.float32)
    criterion = Loss("el(le=0.75)", label_smoothing=0.1 if kind == "smoothed" else 0.0)
    with torch.autocast("cpu", dtype):
        logits = layer(x)
        loss = criterion(logits, targets)
    assert logits.dtype == dtype and loss.dtype == torch.float32
    loss.backward()
    narrow = layer.weight.grad.clone()
    layer.zero_grad()
    criterion(layer(x), targets).backward()
    torch.testing.assert_close(narrow, layer.weight.grad, rtol=0.02, atol=0.01)


def step(seed: int) -> tuple[float, torch.Tensor]:
    """Forward and backward of rows enough for several threads."""
    z = torch.randn(3000, 100, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    loss = Loss("el(le=0.75)")(z, torch.arange(3000) % 100)
    loss.backward()
    return loss.item(), z.grad


def test_threads_train_at_once():
    expected = [step(seed) for seed in range(4)]
    found: dict[int, list] = {seed: [] for seed in range(4)}

    def work(seed: int) -> None:
        for _ in range(5):
            found[seed].append(step(seed))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, (loss, gradient) in enumerate(expected):
        assert len(found[seed]) == 5
        assert all(one[0] == loss and torch.equal(one[1], gradient) for one in found[seed])


def one_of_many_threads(criterion: Loss, results: list) -> None:
    z = torch.randn(50, 10, generator=torch.Generator().manual_seed(1))
    results += [criterion(z, torch.arange(50) % 10).item() for _ in range(50)]


def test_threads_share_a_module():
    criterion, results = Loss("el(le=0.75)"), []
    threads = [threading.Thread(target=one_of_many_threads, args=(criterion, results)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 200 and len(set(results)) == 1


def in_child(connection) -> None:
    # As in the workers of a DataLoader: PyTorch's own threads do not survive a fork, and it refuses a
    # backward pass there. The kernels start threads of their own.
    torch.set_num_threads(1)
    z = torch.randn(3000, 100, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(3000) % 100
    criterion = Loss("el(le=0.75)").criterion(100)
    loss, gradient = _kernel.compute(criterion, z, targets, None, layout(z, targets), True)
    connection.send((loss.item(), gradient.double().square().sum().item()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_computes_too():
    # More threads than one have worked in this process.
    loss, gradient = step(0)
    context = multiprocessing.get_context("fork")
    for _ in range(2):
        ours, theirs = context.Pipe()
        child = context.Process(target=in_child, args=(theirs,))
        child.start()
        try:
            assert ours.poll(60), "the child waits for threads that it does not have"
            found, squares = ours.recv()
        finally:
            child.kill()
            child.join()
        assert found == loss
        assert squares == pytest.approx(gradient.double().square().sum().item(), rel=1e-12)
