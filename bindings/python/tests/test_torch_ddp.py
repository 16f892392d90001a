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


def _work(rank: int, store: str, results) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    model, x, y = _data()
    part = slice(4 * rank, 4 * rank + 4)
    parallel = nn.parallel.DistributedDataParallel(model)
    Loss("el(le=0.5)")(parallel(x[part]), y[part]).backward()
    if rank == 0:
        results.put(model.weight.grad.tolist())
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="without torch.distributed")
def test_the_gradient_is_that_of_the_whole_batch(tmp_path):
    context = torch.multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    store = str(tmp_path / "store")
    children = [context.Process(target=_work, args=(rank, store, results)) for rank in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    model, x, y = _data()
    # As many rows count in each half.
    Loss("el(le=0.5)")(model(x), y).backward()
    torch.testing.assert_close(torch.tensor(results.get(), dtype=torch.float64), model.weight.grad)
