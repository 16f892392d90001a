#!/usr/bin/env python3
"""PGD-L∞ (40 steps, epsilon 0.3) on 10,000 MNIST images through the attack CNN, against torchattacks.

    python3 benches/attacks.py MNIST-FOLDER [--images 10000] [--part 500] [--batches 128,512]

Builds crates/lab/examples/bench_attack.rs, installs torchattacks beside PyTorch into a virtual
environment of its own under target/, keeps both programs running and asks them in turn for one part
of the images after the other, so that both feel the same machine. The weights are those drawn at
first: the time does not depend on them. Prints a Markdown table and saves it as
benches/results/attacks-CPU.md with the seconds as .json.
"""

import argparse
import os
import statistics
import subprocess
import sys

import common

TORCHATTACKS = "3.5.1"
# As the program sets for itself: libtorch frees and takes back large buffers at every step.
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(1 << 28), "MALLOC_TRIM_THRESHOLD_": str(1 << 29)}


def make_venv():
    """torchattacks without what it asks for: an old version of requests, and no PyTorch of its own."""
    attacks = ["--no-deps", f"torchattacks=={TORCHATTACKS}"]
    return common.make_venv_beside("bench-attack-venv", ["scipy", "requests", "tqdm"], attacks)


def build():
    subprocess.run(
        ["cargo", "build", "--release", "-p", "steepness-lab", "--example", "bench_attack"],
        cwd=common.ROOT, check=True,
    )  # fmt: skip
    return common.TARGET / "release" / "examples" / "bench_attack"


def measure(workers, images, part, batch):
    """Seconds of each part, in turn."""
    times = {who: [] for who in workers}
    for first in range(0, images, part):
        for who, worker in workers.items():
            times[who] += worker.ask(first, min(part, images - first), batch)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--part", type=int, default=500)
    parser.add_argument("--batches", default="128,512")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    ours, peer = build(), make_venv()
    threads = arguments.threads
    command = [str(ours), arguments.folder, str(threads)]
    workers = {"ours": common.Worker(["env", *(f"{k}={v}" for k, v in KEEP.items()), *command], threads)}
    script = str(common.ROOT / "benches" / "peer_attacks.py")
    workers["peer"] = common.Worker([str(peer), script, arguments.folder, str(threads)], threads)
    lines = [
        f"PGD-L∞, 40 steps, on {arguments.images} MNIST images through the attack CNN, {threads} "
        f"threads: seconds in all, and the median over parts of {arguments.part} images of "
        f"torchattacks' time over ours.", "",
        "| batch | ours | torchattacks " + TORCHATTACKS + " | torchattacks takes |",
        "|---|---|---|---|",
    ]  # fmt: skip
    seconds = {}
    for batch in map(int, arguments.batches.split(",")):
        for worker in workers.values():
            worker.ask(0, batch, batch)  # The first batch allocates.
        times = measure(workers, arguments.images, arguments.part, batch)
        ratio = statistics.median(p / o for p, o in zip(times["peer"], times["ours"]))
        total = {who: sum(values) for who, values in times.items()}
        lines.append(f"| {batch} | {total['ours']:.1f} | {total['peer']:.1f} | {ratio:.2f}× |")
        print(lines[-1], file=sys.stderr, flush=True)
        seconds[batch] = times
    for worker in workers.values():
        worker.close()
    about = common.machine(peer, threads)
    about_line = f"{about['cpu']}; torch {about['torch']}, {about['rustc']}; {about['date']}."
    text = "\n".join([*lines, "", about_line, ""])
    common.save("attacks", about, text, seconds)
    print(text)


if __name__ == "__main__":
    main()
