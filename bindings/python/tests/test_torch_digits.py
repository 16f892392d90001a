"""A training on real data, with `steepness.torch.Loss` and with PyTorch's own."""

import gzip

import pytest
from conftest import ROOT

torch = pytest.importorskip("torch")

from steepness.torch import Loss  # noqa: E402
from torch import nn  # noqa: E402


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_digits_are_trained_as_with_pytorch(optimizer):
    """An epoch of the handwritten digits ends with the same weights to 1e-6."""
    with gzip.open(ROOT / "crates/lab/assets/digits.csv.gz", "rt") as file:
        digits = torch.tensor([[float(word) for word in line.split(",")] for line in file])
    assert digits.shape == (1797, 65)
    x, y = digits[:, :64] / 16, digits[:, 64].long()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    ends = []
    for criterion in (nn.CrossEntropyLoss(), Loss("ce")):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        if optimizer == "sgd":
            steps = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        else:
            # Where a gradient is nearly 0, Adam magnifies its last digit.
            steps = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-4)
        for batch in order.split(32):
            steps.zero_grad()
            criterion(model(x[batch]), y[batch]).backward()
            steps.step()
        right = (model(x).argmax(1) == y).float().mean()
        assert right > 0.7, right
        ends.append(nn.utils.parameters_to_vector(model.parameters()).detach())
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=1e-6)
