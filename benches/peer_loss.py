"""The peers of benches/loss.py: PyTorch's cross entropy, and the official encouraging loss as its
authors compute it, by operations on the whole matrix. Same requests as
crates/loss/examples/bench_loss.rs:

    time ROWS CLASSES REPETITIONS WAY SPEC   ->  seconds of each repetition
    peak ROWS CLASSES WAY SPEC               ->  bytes that one call took at most, beyond its inputs

WAY is `labels`, `soft` or `linear`; SPEC is `ce`, `ce + smooth(0.1)`, `el(le=1)` or `el(le=0.75)`.
"""

import math
import re
import sys
import time

import torch
import torch.nn.functional as F

WIDTH = 512


def official_el(logits, target, log_end, eps=1e-5):
    """The encouraging loss in the manner of the published code: every operation on all N x C entries,
    although only the label's column is used."""
    log_probs = F.log_softmax(logits, dim=1)
    probs = torch.exp(log_probs)
    bonus = torch.log(torch.clamp(torch.ones_like(probs) - probs, min=eps))
    if log_end != 1.0:
        y_log_end = torch.ones_like(probs) * log_end
        after = 1 / (log_end - torch.ones_like(probs)) * (probs - log_end)
        after = after + torch.log(torch.ones_like(probs) - y_log_end)
        bonus = torch.where(probs > log_end, after, bonus)
    return F.nll_loss(log_probs - bonus, target)


def loss_function(spec):
    if spec == "ce":
        return F.cross_entropy
    if smoothing := re.fullmatch(r"ce \+ smooth\(([\d.]+)\)", spec):
        epsilon = float(smoothing[1])
        return lambda logits, target: F.cross_entropy(logits, target, label_smoothing=epsilon)
    if end := re.fullmatch(r"el\(le=([\d.]+)\)", spec):
        return lambda logits, target: official_el(logits, target, float(end[1]))
    raise ValueError(f"no loss {spec!r} here")


def prepare(rows, classes, way, spec):
    """A function that makes one call, forward and backward."""
    torch.manual_seed(1)
    loss = loss_function(spec)
    target = torch.randint(classes, (rows,))
    if way == "linear":
        features = torch.randn(rows, WIDTH, requires_grad=True)
        weight = torch.empty(classes, WIDTH).normal_(std=1 / math.sqrt(WIDTH)).requires_grad_()
        return lambda: torch.autograd.grad(
            loss(F.linear(features, weight), target), (features, weight)
        )
    logits = torch.randn(rows, classes)
    if way == "soft":
        target = torch.softmax(logits, dim=1)
    logits.requires_grad_()
    return lambda: torch.autograd.grad(loss(logits, target), logits)


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def memory(name):
    """A figure of this process from /proc, in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def answer(line):
    command, rows, classes, rest = line.split(" ", 3)
    shape = int(rows), int(classes)
    if command == "time":
        repetitions, way, spec = rest.split(" ", 2)
        call = prepare(*shape, way, spec)
        return " ".join(str(seconds(call)) for _ in range(int(repetitions)))
    way, spec = rest.split(" ", 1)
    # Threads and libraries take their memory first.
    prepare(64, 1024, way, spec)()
    call = prepare(*shape, way, spec)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = memory("VmRSS:")
    call()
    return str(max(0, memory("VmHWM:") - before))


if __name__ == "__main__":
    if sys.argv[1:] == ["version"]:
        print(torch.__version__)
        sys.exit()
    torch.set_num_threads(int(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        print(answer(line.rstrip("\n")), flush=True)
