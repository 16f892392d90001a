#!/usr/bin/env python3
"""Training against PyTorch: steps and epochs of the same networks, measured side by side.

    python3 benches/training.py [--rounds 3] [--only resnet50,digits] [--no-save]

Builds our program (crates/lab/examples/bench_training.rs), makes a virtual environment with PyTorch
for the peer (benches/peer_training.py), keeps both running and asks them in turn. Prints a Markdown
table of medians and saves it as benches/results/training-CPU.md and .json. Standard library only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

from common import ROOT, TARGET, Worker, machine, make_venv, save, saved

RESIZED = """
[augment]
random_resized_crop = {{ size = {size} }}
horizontal_flip = 0.5
"""

MODELS = {
    "digits-cnn": "[model.cnn]\nchannels = [16, 32]",
    "attack-cnn": "[model.attack-cnn]",
    "mnist-net": "[model.mnist-net]",
    "resnet50": '[model.resnet]\ndepth = 50\nstem = "imagenet"',
    "efficientnet-b0": '[model.efficientnet-b0]\nvariant = "timm"',
}

# What, model, shape of the stored images, examples a step, steps (0: a whole epoch of `examples`),
# examples, size they are brought to, precision.
CASES = [
    ("step, 8×8 digits", "digits-cnn", [1, 8, 8], 32, 200, 32, 0, "f32"),
    ("step", "attack-cnn", [1, 28, 28], 128, 20, 128, 0, "f32"),
    ("step", "mnist-net", [1, 28, 28], 256, 2, 256, 0, "f32"),
    ("step", "mnist-net", [1, 28, 28], 256, 4, 256, 0, "bf16"),
    ("step, 32×32", "resnet50", [3, 32, 32], 64, 4, 64, 0, "f32"),
    ("step, 224×224", "resnet50", [3, 224, 224], 16, 2, 16, 0, "f32"),
    ("step, 224×224", "resnet50", [3, 224, 224], 16, 2, 16, 0, "bf16"),
    ("step, 224×224", "efficientnet-b0", [3, 224, 224], 16, 2, 16, 0, "f32"),
    ("epoch of 1,078 digits", "digits-cnn", [1, 8, 8], 32, 0, 1078, 0, "f32"),
    ("epoch of 6,400 images", "attack-cnn", [1, 28, 28], 128, 0, 6400, 0, "f32"),
    ("epoch of 1,024 images", "mnist-net", [1, 28, 28], 256, 0, 1024, 0, "f32"),
    ("epoch of 256 images, crops to 224×224", "resnet50", [3, 32, 32], 64, 0, 256, 224, "f32"),
    ("epoch of 256 images, crops to 224×224", "efficientnet-b0", [3, 32, 32], 32, 0, 256, 224, "f32"),
]


def recipe(model, batch, size, precision, threads):
    return f"""
name = "bench"
losses = ["ce"]
seeds = [0]
epochs = 2
batch = {batch}
threads = {threads}
select = "last"
schedule = "constant"
precision = "{precision}"
[data.idx]
path = "nowhere"
[optimizer.sgd]
lr = 0.01
momentum = 0.9
nesterov = true
weight_decay = 0.0005
{MODELS[model]}
""" + (RESIZED.format(size=size) if size else "")


def requests(case, threads):
    """The same request in the words of each program; the peer's also with channels last."""
    _, model, shape, batch, steps, examples, size, precision = case
    both = {"shape": shape, "examples": examples, "steps": steps}
    ours = both | {"recipe": recipe(model, batch, size, precision, threads)}
    if size:
        ours["recipe"] += f"evaluate = {{ resize = {size}, crop = {size} }}\n"
    peer = both | {
        "model": model, "batch": batch, "size": size, "precision": precision, "threads": threads,
        "nesterov": True,
    }  # fmt: skip
    return {
        "ours": ours,
        "peer": peer | {"channels_last": False},
        "peer, channels last": peer | {"channels_last": True},
    }


def measure(case, commands, threads, rounds):
    """Times of the three in seconds, and the peak memory of each in a process of its own."""
    asks = requests(case, threads)
    workers = {who: Worker(commands[who.split(",")[0]], threads) for who in asks}
    times, peaks = {who: [] for who in asks}, {}
    for round_ in range(1, rounds + 1):
        for who, ask in asks.items():
            peaks[who], *found = workers[who].ask(json.dumps(ask))
            times[who] += found
        print(f"{case[1]}, {case[0]}: round {round_} of {rounds}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.close()
    return times, peaks


def records(case, times, peaks, about):
    """What is saved of a case."""
    return [
        {"what": case[0], "model": case[1], "batch": case[3], "precision": case[-1], "who": who,
         "median_s": statistics.median(found), "min_s": min(found), "samples": len(found),
         "peak_bytes": peaks[who], "steepness": about["steepness"]}
        for who, found in times.items()
    ]  # fmt: skip


def row(case, found, about):
    what, model, _, batch, *_, precision = case
    median = {record["who"]: record["median_s"] for record in found}
    peaks = {record["who"]: record["peak_bytes"] for record in found}
    earlier = "" if found[0].get("steepness") == about["steepness"] else " *"
    cells = [
        f"{model}, {what}, batches of {batch}, {precision}{earlier}",
        *(f"{1e3 * seconds:,.1f}" for seconds in median.values()),
        f"{median['peer'] / median['ours']:.2f}×",
        f"{median['peer, channels last'] / median['ours']:.2f}×",
        f"{peaks['ours'] / 2**20:,.0f}",
        f"{peaks['ours'] / peaks['peer']:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def report(about, rows):
    return "\n".join([
        "# Training against PyTorch",
        "",
        f"{about['cpu']}, {about['cores']} cores ({', '.join(about['features'])}), {about['threads']}"
        f" threads; PyTorch {about['torch']}, {about['rustc']}, steepness {about['steepness']};"
        f" {about['date']}.",
        "",
        "Medians in milliseconds. A step is forward pass, cross entropy, backward pass and SGD on a"
        " batch that is there; an epoch includes loading and augmentation, which PyTorch does in a"
        " DataLoader, where images are cropped with a worker for each core. PyTorch runs eagerly, as"
        " it is (contiguous) and with channels last, which the models of the laboratory have of"
        " themselves. Memory is the peak of the whole process; of PyTorch without that of its workers."
        " Lines with a star were measured earlier than the others, at other commits.",
        "",
        "| what | ours, ms | PyTorch, ms | channels last, ms | PyTorch takes | channels last takes |"
        " ours, MiB | of PyTorch's |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        "",
    ])  # fmt: skip


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    only = "parts of the models' names, with commas; the others stay as they were saved"
    parser.add_argument("--only", default="", help=only)
    parser.add_argument("--no-save", action="store_true", help="print the table only")
    return parser.parse_args()


def main():
    wanted = arguments()
    subprocess.run([sys.executable, "scripts/libtorch.py"], cwd=ROOT, check=True)
    build = ["cargo", "build", "--release", "--locked", "-p", "steepness-lab"]
    subprocess.run([*build, "--example", "bench_training"], cwd=ROOT, check=True)
    python = make_venv()
    commands = {
        "ours": [str(TARGET / "release" / "examples" / "bench_training")],
        "peer": [str(python), str(ROOT / "benches" / "peer_training.py")],
    }
    about = machine(python, wanted.threads)
    before, rows, raw = saved("training", about), [], []
    for case in CASES:
        if any(part in case[1] for part in wanted.only.split(",")):
            found = records(case, *measure(case, commands, wanted.threads, wanted.rounds), about)
        else:
            key = (case[0], case[1], case[3], case[-1])
            names = ("what", "model", "batch", "precision")
            found = [record for record in before if tuple(record[n] for n in names) == key]
        if found:
            rows.append(row(case, found, about))
            raw += found
    text = report(about, rows)
    print(text)
    if not wanted.no_save:
        save("training", about, text, raw)


if __name__ == "__main__":
    main()
