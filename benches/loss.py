#!/usr/bin/env python3
"""The losses against PyTorch: one table of ratios, measured side by side.

    python3 benches/loss.py [--rounds 5] [--shapes 256x10,4096x1000] [--no-tch]

Builds our program (crates/loss/examples/bench_loss.rs), makes a virtual environment with PyTorch
under target/ for the peer (benches/peer_loss.py; the first time it downloads about 3 GB), keeps both
running and asks them in turn, so that both feel the same machine. Prints a Markdown table of
medians and saves it as benches/results/loss-CPU.md and .json. Standard library only.
"""

import argparse
import os
import statistics
import subprocess
import sys

from common import ROOT, TARGET, Worker, machine, make_venv, save

SHAPES = {
    (256, 10): "MNIST, CIFAR",
    (4096, 1000): "ImageNet",
    (1024, 8142): "iNaturalist",
    (4096, 32768): "language models",
}
LINEAR = (4096, 32768)

# who, way, loss: (what the table calls it)
CE, EL = ("peer", "labels", "ce"), ("peer", "labels", "el(le=0.75)")
OWN_CE = ("ours", "slice", "ce")
CASES = {
    ("ours", "copy", "-"): "copy of the matrix",
    CE: "PyTorch `F.cross_entropy`",
    ("peer", "labels", "ce + smooth(0.1)"): "PyTorch `F.cross_entropy`, smoothing 0.1",
    ("peer", "soft", "ce"): "PyTorch `F.cross_entropy`, soft targets",
    ("peer", "labels", "el(le=1)"): "official EL, le=1",
    EL: "official EL, le=0.75",
    OWN_CE: "`ce`",
    ("ours", "slice", "el(le=1)"): "`el(le=1)`",
    ("ours", "slice", "el(le=0.75)"): "`el(le=0.75)`",
    ("ours", "in-place", "ce"): "`ce`, in place",
    ("ours", "in-place", "el(le=0.75)"): "`el(le=0.75)`, in place",
    ("ours", "slice", "ce + smooth(0.1)"): "`ce + smooth(0.1)`",
    ("ours", "slice", "el(le=0.75) + smooth(0.1)"): "`el(le=0.75) + smooth(0.1)`",
    ("ours", "soft", "ce"): "`ce`, soft targets",
    ("ours", "soft", "el(le=0.75)"): "`el(le=0.75)`, soft targets",
    ("ours", "tch", "ce"): "`ce` through tch",
    ("ours", "tch", "el(le=0.75)"): "`el(le=0.75)` through tch",
}
LINEAR_CASES = {
    ("peer", "linear", "ce"): "PyTorch linear + `F.cross_entropy`",
    ("ours", "linear", "ce"): "fused linear + `ce`",
    ("ours", "linear", "el(le=0.75)"): "fused linear + `el(le=0.75)`",
}


def build(features):
    if "tch" in features:
        subprocess.run([sys.executable, "scripts/libtorch.py"], cwd=ROOT, check=True)
    subprocess.run(
        ["cargo", "build", "--release", "-p", "steepness", "--example", "bench_loss",
         "--features", ",".join(features)], cwd=ROOT, check=True,
    )  # fmt: skip
    return TARGET / "release" / "examples" / "bench_loss"


def measure(shape, cases, commands, threads, rounds):
    """Times of every case in seconds: each round asks for all of them, one after the other."""
    workers = {who: Worker(command, threads) for who, command in commands.items()}
    elements = shape[0] * shape[1]
    times = {case: [] for case in cases}
    for round_ in range(1, rounds + 1):
        for who, way, loss in cases:
            slow = 15 if (who, way, loss[:2]) == ("peer", "labels", "el") else 1
            repetitions = max(1, min(200, 30_000_000 // (elements * slow)))
            # The first repetition meets cold caches and pages that are not there yet.
            times[who, way, loss] += workers[who].ask(
                "time", *shape, repetitions + 1, way, loss
            )[1:]
        print(f"{shape[0]} x {shape[1]}: round {round_} of {rounds}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.close()
    return times


def peak(shape, case, commands, threads):
    """Bytes beyond the inputs, in a fresh process."""
    who, way, loss = case
    worker = Worker(commands[who], threads)
    found = int(worker.ask("peak", *shape, way, loss)[0])
    worker.close()
    return found


def milliseconds(value):
    return f"{value * 1e3:.3f}" if value < 1e-2 else f"{value * 1e3:.1f}"


def table(shape, times, peaks, official, plain):
    """Rows of one shape, with ratios against two of its cases and the copy."""
    medians = {case: statistics.median(found) for case, found in times.items()}
    copy = medians.get(("ours", "copy", "-"))
    ratio = lambda base, mine: f"{medians[base] / mine:.1f}×" if base in medians else "–"
    lines = []
    for case, value in medians.items():
        name = (CASES | LINEAR_CASES)[case]
        share = f"{100 * copy / value:.0f} %" if copy and shape[0] * shape[1] > 1 << 16 else "–"
        memory = f"{peaks[case] / 2**20:.1f}" if case in peaks else "–"
        lines.append(
            f"| {shape[0]} × {shape[1]} | {name} | {milliseconds(value)} | {ratio(official, value)}"
            f" | {ratio(plain, value)} | {share} | {memory} |"
        )
    return lines, medians


def own_ratios(medians):
    """What EL and soft targets cost beyond our own cross entropy."""
    own = lambda way, loss: medians[("ours", way, loss)]
    hard = {"ce": own("slice", "ce"), "el(le=0.75)": own("slice", "el(le=0.75)")}
    return [
        own("slice", "el(le=1)") / hard["ce"],
        hard["el(le=0.75)"] / hard["ce"],
        own("slice", "ce + smooth(0.1)") / hard["ce"],
        own("slice", "el(le=0.75) + smooth(0.1)") / hard["el(le=0.75)"],
        own("soft", "ce") / hard["ce"],
        own("soft", "el(le=0.75)") / hard["el(le=0.75)"],
    ]


def report(about, sections, ratios):
    lines = [
        "# The losses against PyTorch",
        "",
        f"{about['cpu']}, {about['cores']} cores ({', '.join(about['features'])}), {about['threads']}"
        f" threads; PyTorch {about['torch']}, {about['rustc']}, steepness {about['steepness']};"
        f" {about['date']}.",
        "",
        "Forward and backward, f32, medians of calls that alternate with the peer's. *Official EL* is"
        " the published code's way, composed operations on the whole matrix. *Copy* is the time of"
        " copying the matrix over the time of the loss: both read and write each element once."
        " *Memory* is the peak of one call beyond its inputs, the gradient included. Our slice calls"
        " write into a gradient that is there already; PyTorch and tch allocate one each time.",
        "",
        "| N × C | loss | ms | official EL takes | PyTorch CE takes | copy | memory, MiB |",
        "|---|---|---|---|---|---|---|",
        *(line for section in sections for line in section),
        "",
        "What EL and soft targets cost, as multiples of our own times for hard labels:",
        "",
        "| N × C | el(le=1) / ce | el(le=0.75) / ce | ce: smooth | el: smooth | ce: soft | el: soft |",
        "|---|---|---|---|---|---|---|",
    ]
    for shape, row in ratios.items():
        cells = " | ".join(f"{ratio:.2f}" for ratio in row)
        lines.append(f"| {shape[0]} × {shape[1]} | {cells} |")
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--shapes", help="such as 256x10,4096x1000; all by default")
    parser.add_argument("--no-tch", action="store_true", help="leave the tch adapter out")
    parser.add_argument("--no-linear", action="store_true", help="leave the fused linear layer out")
    parser.add_argument("--no-save", action="store_true", help="print the table only")
    return parser.parse_args()


def main():
    wanted = arguments()
    features = ["rayon"] + ["tch"] * (not wanted.no_tch) + ["linear"] * (not wanted.no_linear)
    program, python = build(features), make_venv()
    peer = [str(python), str(ROOT / "benches" / "peer_loss.py"), str(wanted.threads)]
    commands = {"ours": [str(program)], "peer": peer}
    shapes = list(SHAPES)
    if wanted.shapes:
        shapes = [tuple(map(int, shape.split("x"))) for shape in wanted.shapes.split(",")]
    cases = [case for case in CASES if case[1] != "tch" or not wanted.no_tch]
    plans = [(shape, cases, EL, CE) for shape in shapes]
    if LINEAR in shapes and not wanted.no_linear:
        plans.append((LINEAR, list(LINEAR_CASES), None, ("peer", "linear", "ce")))
    sections, ratios, raw = [], {}, []
    for shape, cases, official, plain in plans:
        times = measure(shape, cases, commands, wanted.threads, wanted.rounds)
        peaks = {case: peak(shape, case, commands, wanted.threads) for case in cases}
        lines, medians = table(shape, times, peaks, official, plain)
        sections.append(lines)
        if OWN_CE in medians:
            ratios[shape] = own_ratios(medians)
        raw += [
            {"rows": shape[0], "classes": shape[1], "who": case[0], "way": case[1], "loss": case[2],
             "median_s": medians[case], "min_s": min(found), "samples": len(found),
             "peak_bytes": peaks[case]}
            for case, found in times.items()
        ]  # fmt: skip
    about = machine(python, wanted.threads)
    text = report(about, sections, ratios)
    print(text)
    if not wanted.no_save:
        save("loss", about, text, raw)


if __name__ == "__main__":
    main()
