#!/usr/bin/env python3
"""The Python package beside PyTorch on the CPU: `Loss` and `linear_loss`, forward and backward.

    python benches/wheel.py [--threads 2] [--quick] [--no-save]

In an environment with PyTorch, NumPy and the wheel of `make wheel`. Contenders are timed in turn, so that
all feel the same machine; what counts is the median of each. Prints a Markdown table and what was aimed at,
and saves both as benches/results/wheel-CPU.md and .json. Peaks of memory are those of processes of their
own. Takes about five minutes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, nothing saved")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--no-save", action="store_true", help="print the table only")
    parser.add_argument("--peak", metavar="CONTENDER", help=argparse.SUPPRESS)
    return parser.parse_args()


args = arguments()
# Rayon asks when it starts.
os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(args.threads)

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from common import machine, save  # noqa: E402
from peer_loss import memory, official_el  # noqa: E402

from steepness.torch import Loss, linear_loss  # noqa: E402

torch.set_num_threads(args.threads)

CE, COMPILED, OFFICIAL = "F.cross_entropy", "torch.compile(F.cross_entropy)", "official EL, le=0.75"
OWN, EL = 'Loss("ce")', 'Loss("el(le=0.75)")'
OVER, EL_OVER = 'Loss("ce", inplace=True)', 'Loss("el(le=0.75)", inplace=True)'
LINEAR, FUSED, TORCH_FUSED = "F.linear + F.cross_entropy", "linear_loss", "F.linear_cross_entropy"
# rows, classes: rounds
SHAPES = {(256, 10): 3000, (4096, 1000): 80, (1024, 8142): 40, (4096, 32768): 9}
LAYER = (4096, 512, 32768)
# shape, whose time is divided, by whose, what it should be at least
GOALS = [
    ((256, 10), CE, OWN, 3.0),
    ((4096, 1000), CE, OWN, 3.5),
    ((1024, 8142), CE, OWN, 5.0),
    ((4096, 32768), CE, OWN, 5.0),
    ((4096, 32768), CE, OVER, 8.0),
    *((shape, COMPILED, OWN, 1.0) for shape in SHAPES),
    ((4096, 1000), OFFICIAL, EL, 25.0),
    (LAYER, LINEAR, FUSED, 1 / 0.9),
    (LAYER, TORCH_FUSED, FUSED, 1 / 0.9),
]


class Layer(torch.autograd.Function):
    """What a last layer is to a loss, at no cost: logits that are no leaf, and a gradient that is wanted."""

    @staticmethod
    def forward(ctx, handle, logits):
        # No view: its memory may be written over.
        return logits.data

    @staticmethod
    def backward(ctx, gradient):
        return torch.zeros(()), None


def timed(contenders, rounds):
    """The times of each in seconds; a contender is what prepares a call, and the call."""
    times = {name: [] for name in contenders}
    for round_ in range(rounds + 2):
        for name, (prepare, call) in contenders.items():
            given = prepare()
            start = time.perf_counter()
            found = call(given)
            took = time.perf_counter() - start
            del given, found
            # The first calls meet code that is not compiled yet, and pages that are not there.
            if round_ >= 2:
                times[name].append(took)
    return times


def of_losses(rows, classes):
    torch.manual_seed(1)
    start, y = torch.randn(rows, classes), torch.randint(classes, (rows,))
    handle, logits = torch.zeros((), requires_grad=True), start.clone()

    def given():
        return Layer.apply(handle, logits)

    def refilled():
        logits.copy_(start)
        return Layer.apply(handle, logits)

    def step(criterion):
        return lambda z: torch.autograd.grad(criterion(z, y), z)

    contenders = {CE: (given, step(F.cross_entropy))}
    if not args.no_compile:
        torch._dynamo.reset()
        contenders[COMPILED] = (given, step(torch.compile(F.cross_entropy)))
    # Ten matrices in memory, and seconds.
    if rows * classes < 100_000_000:
        contenders[OFFICIAL] = (given, step(lambda z, y: official_el(z, y, 0.75)))
    contenders |= {
        OWN: (given, step(Loss("ce"))),
        EL: (given, step(Loss("el(le=0.75)"))),
        # Those that write over the logits come last, and find them as they were.
        OVER: (refilled, step(Loss("ce", inplace=True))),
        EL_OVER: (refilled, step(Loss("el(le=0.75)", inplace=True))),
    }
    first, *others = contenders
    # So that what comes first finds them, too.
    contenders[first] = (refilled, contenders[first][1])
    return contenders


def of_layers(rows, depth, classes):
    torch.manual_seed(1)
    x = torch.randn(rows, depth, requires_grad=True)
    w = (torch.randn(classes, depth) / depth**0.5).requires_grad_()
    y = torch.randint(classes, (rows,))

    def step(loss):
        return lambda _: torch.autograd.grad(loss(), (x, w))

    contenders = {
        LINEAR: step(lambda: F.cross_entropy(F.linear(x, w), y)),
        FUSED: step(lambda: linear_loss(x, w, y, "ce")),
    }
    if hasattr(F, "linear_cross_entropy"):
        contenders[TORCH_FUSED] = step(lambda: F.linear_cross_entropy(x, w, y))
    return {name: (lambda: None, call) for name, call in contenders.items()}


def peak(name):
    """Bytes that one step of a layer takes at most beyond its inputs, its gradients included."""
    # Threads and libraries take their memory first.
    of_layers(64, 16, 1000)[name][1](None)
    _, call = of_layers(*LAYER)[name]
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = memory("VmRSS:")
    call(None)
    return memory("VmHWM:") - before


def peak_elsewhere(name):
    command = [sys.executable, __file__, "--threads", str(args.threads), "--peak", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def imports(rounds):
    """Seconds that the package takes beyond what it stands on, in new processes by turns."""
    line = "import time, {0}; start = time.perf_counter(); import {1}; print(time.perf_counter() - start)"
    times = {("torch", "steepness.torch"): [], ("numpy", "steepness"): []}
    for _ in range(rounds):
        for pair, found in times.items():
            command = [sys.executable, "-c", line.format(*pair)]
            found.append(float(subprocess.check_output(command, text=True)))
    return {own: statistics.median(found) for (_, own), found in times.items()}


def words(shape):
    return " × ".join(map(str, shape))


def rows_of(shape, medians, peaks):
    base = medians[next(iter(medians))]
    for name, value in medians.items():
        took = f"{1e3 * value:.3f}" if value < 0.01 else f"{1e3 * value:.1f}"
        bytes_ = f"{peaks[name] / 2**20:.0f}" if name in peaks else "–"
        yield f"| {words(shape)} | `{name}` | {took} | {base / value:.2f}× | {bytes_} |"


def verdicts(medians, peaks, imported):
    """What was aimed at, and what it is."""
    for shape, slow, fast, goal in GOALS:
        found = medians[shape]
        if slow not in found:
            yield f"| {words(shape)} | `{slow}` / `{fast}` | ≥ {goal:.2f} | not here | |"
            continue
        ratio = found[slow] / found[fast]
        met = "yes" if ratio >= goal else "**no**"
        yield f"| {words(shape)} | `{slow}` / `{fast}` | ≥ {goal:.2f} | {ratio:.2f} | {met} |"
    ratio = peaks[LINEAR] / peaks[FUSED]
    met = "yes" if ratio >= 10 else "**no**"
    yield f"| {words(LAYER)} | memory of `{LINEAR}` / `{FUSED}` | ≥ 10 | {ratio:.1f} | {met} |"
    for name, took in imported.items():
        met = "yes" if took <= 0.05 else "**no**"
        yield f"| | `import {name}` | ≤ 50 ms | {1e3 * took:.0f} ms | {met} |"


def report(about, medians, peaks, imported):
    return "\n".join(
        [
            "# The Python package beside PyTorch",
            "",
            f"{about['cpu']}, {about['cores']} cores ({', '.join(about['features'])}), {about['threads']}"
            f" threads; PyTorch {about['torch']}, steepness {about['steepness']}; {about['date']}.",
            "",
            "Forward and backward through the module, float32, medians of calls that alternate. *Memory* is"
            " the peak of one step beyond its inputs, gradients included, in a process of its own. An"
            " *import* is what it takes after that of PyTorch, or NumPy: the median of 21 new processes.",
            "",
            "| shape | | ms | PyTorch takes | memory, MiB |",
            "|---|---|---|---|---|",
            *(line for shape, found in medians.items() for line in rows_of(shape, found, peaks)),
            "",
            "| shape | ratio | goal | found | met |",
            "|---|---|---|---|---|",
            *verdicts(medians, peaks, imported),
            "",
        ]
    )


def main():
    if args.peak:
        print(peak(args.peak))
        return
    few = 10 if args.quick else 1
    times = {}
    for shape, rounds in SHAPES.items():
        print(words(shape), file=sys.stderr, flush=True)
        times[shape] = timed(of_losses(*shape), max(3, rounds // few))
    print(words(LAYER), file=sys.stderr, flush=True)
    layers = of_layers(*LAYER)
    times[LAYER] = timed(layers, 1 if args.quick else 5)
    peaks = {name: peak_elsewhere(name) for name in layers}
    imported = imports(3 if args.quick else 21)
    medians = {
        shape: {name: statistics.median(found) for name, found in of.items()} for shape, of in times.items()
    }
    about = machine(sys.executable, args.threads)
    text = report(about, medians, peaks, imported)
    print(text)
    if not (args.quick or args.no_save):
        raw = [
            {"shape": shape, "who": name, "median_s": medians[shape][name], "min_s": min(found),
             "samples": len(found), "peak_bytes": peaks.get(name) if shape == LAYER else None}
            for shape, of in times.items()
            for name, found in of.items()
        ]  # fmt: skip
        save("wheel", about, text, raw)


if __name__ == "__main__":
    main()
