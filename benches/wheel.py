"""The Python package beside PyTorch: `Loss` and `linear_loss`, forward and backward, on the CPU.

    python benches/wheel.py [--threads 2] [--quick]

In an environment with PyTorch and the wheel of `make wheel`. Contenders are timed in turn; the median of each
is what is printed, and the ratio to `F.cross_entropy`.
"""

import argparse
import os
import statistics
import time

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, and no compilation")
args = parser.parse_args()
os.environ["RAYON_NUM_THREADS"] = str(args.threads)

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from steepness.torch import Loss, linear_loss  # noqa: E402

torch.set_num_threads(args.threads)


def official(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The encouraging loss as the paper's authors wrote it, with their default of LE = 1."""
    ln_p = F.log_softmax(z, 1)
    p = ln_p.exp()
    bonus = torch.log(torch.clamp(1 - p, min=1e-5))
    return F.nll_loss(ln_p - bonus, y)


def timed(contenders: dict, rounds: int) -> dict[str, float]:
    """The median time of each, in milliseconds."""
    for work in contenders.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(found) for name, found in times.items()}


def loss_rounds(rows: int, classes: int, rounds: int) -> None:
    leaf = torch.randn(rows, classes).requires_grad_()
    y = torch.randint(classes, (rows,))
    criteria = {
        "F.cross_entropy": F.cross_entropy,
        "official EL": official,
        'Loss("ce")': Loss("ce"),
        'Loss("el(le=0.75)")': Loss("el(le=0.75)"),
    }
    if not args.quick:
        criteria["compiled"] = torch.compile(F.cross_entropy)

    def step(criterion):
        def work():
            leaf.grad = None
            # As of a layer: the gradient goes on.
            criterion(leaf * 1.0, y).backward()

        return work

    def nothing():
        leaf.grad = None
        (leaf * 1.0).backward(leaf.detach())

    found = timed({"the product alone": nothing, **{k: step(c) for k, c in criteria.items()}}, rounds)
    product = found.pop("the product alone")
    if classes > 10:
        found = {name: took - product for name, took in found.items()}
    over = Loss("ce", inplace=True)
    if classes > 10:
        found['Loss("ce", inplace=True)'] = timed({"": step(over)}, rounds)[""] - product
    print(f"{rows} x {classes}" + (" (without the product before it)" if classes > 10 else ""))
    for name, took in found.items():
        print(f"    {name:<28}{took:10.3f} ms {found['F.cross_entropy'] / took:8.1f}x")


def linear_rounds(rows: int, depth: int, classes: int, rounds: int) -> None:
    x = torch.randn(rows, depth, requires_grad=True)
    w = (torch.randn(classes, depth) / depth**0.5).requires_grad_()
    y = torch.randint(classes, (rows,))

    def step(criterion):
        def work():
            x.grad = w.grad = None
            criterion().backward()

        return work

    found = timed(
        {
            "F.linear + cross_entropy": step(lambda: F.cross_entropy(F.linear(x, w), y)),
            "linear_loss": step(lambda: linear_loss(x, w, y, "ce")),
        },
        rounds,
    )
    print(f"linear {rows} x {depth} x {classes}")
    for name, took in found.items():
        print(f"    {name:<28}{took:10.3f} ms {found['F.linear + cross_entropy'] / took:8.2f}x")


def main() -> None:
    few = 10 if args.quick else 1
    for rows, classes, rounds in [
        (256, 10, 3000),
        (4096, 1000, 60),
        (1024, 8142, 40),
        (4096, 32768, 7),
    ]:
        loss_rounds(rows, classes, max(3, rounds // few))
    linear_rounds(4096, 512, 32768, 3)


if __name__ == "__main__":
    main()
