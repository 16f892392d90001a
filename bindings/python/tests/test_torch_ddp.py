"""`Loss` under `DistributedDataParallel`, two processes with gloo."""

import pytest

torch = pytest.importorskip("torch")

from steepness.torch import Loss  # noqa: E402
from torch import nn  # noqa: E402


def _data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 3, dtype=torch.float64, generator=generator)
    y = torch.tensor([0, 1, -100, 3, 0, 1, 2, -100])
    torch.manual_seed(1)
    return nn.Linear(3, 4, dtype=torch.float64), x, y


def _mean(logits, y):
    return Loss("el(le=0.5)")(logits, y)


def _sum_by_all(logits, y):
    """As the documentation says where the numbers of counted rows differ."""
    counted = (y != -100).sum()
    torch.distributed.all_reduce(counted)
    # Gradients are averaged over processes.
    return Loss("el(le=0.5)", reduction="sum")(logits, y) * torch.distributed.get_world_size() / counted


def _work(rank: int, store: str, parts, loss, results) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    model, x, y = _data()
    parallel = nn.parallel.DistributedDataParallel(model)
    loss(parallel(x[parts[rank]]), y[parts[rank]]).backward()
    if rank == 0:
        results.put(model.weight.grad.tolist())
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="without torch.distributed")
@pytest.mark.parametrize(
    "loss, cut, equal",
    [
        # As many rows count in each half.
        (_mean, 4, True),
        # Two and four of them: each process divides by its own.
        (_mean, 3, False),
        (_sum_by_all, 3, True),
    ],
)
def test_the_gradient_is_that_of_the_whole_batch(tmp_path, loss, cut, equal):
    context = torch.multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    store, parts = str(tmp_path / "store"), (slice(0, cut), slice(cut, 8))
    children = [context.Process(target=_work, args=(rank, store, parts, loss, results)) for rank in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    model, x, y = _data()
    theirs = nn.functional.cross_entropy(model(x), y)
    assert Loss("ce")(model(x), y).item() == pytest.approx(theirs.item(), rel=1e-12)
    _mean(model(x), y).backward()
    found = torch.tensor(results.get(), dtype=torch.float64)
    assert torch.allclose(found, model.weight.grad, rtol=1e-9, atol=1e-12) == equal
