#!/usr/bin/env python3
"""An epoch of the paper's network on graphs against PyTorch Geometric, measured side by side.

    python3 benches/graphs.py FOLDER... [--rounds 5]

FOLDER is what `steepness data get PROTEINS` makes. Builds crates/lab/examples/bench_graphs.rs, puts
PyTorch Geometric beside the PyTorch of the other benches, keeps both running and asks them in turn. Prints
a Markdown table of medians and saves it as benches/results/graphs-CPU.md and .json. Standard library
only.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from common import ROOT, TARGET, Worker, machine, make_venv_beside, save

GEOMETRIC = "2.8.1"
# Epochs of a round; the first meets cold caches and pages that are not there yet.
EPOCHS = 4


def build():
    subprocess.run([sys.executable, "scripts/libtorch.py"], cwd=ROOT, check=True)
    subprocess.run(
        ["cargo", "build", "--release", "-p", "steepness-lab", "--example", "bench_graphs"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    return TARGET / "release" / "examples" / "bench_graphs"


def measure(folder, threads, commands, rounds):
    """Seconds of every epoch but the first of each round, by who made them."""
    times = {who: [] for who in commands}
    workers = {who: Worker(command, threads) for who, command in commands.items()}
    for round_ in range(1, rounds + 1):
        for who, worker in workers.items():
            times[who] += worker.ask(folder, threads, EPOCHS)[1:]
        print(f"{folder.name}, {threads}: round {round_} of {rounds}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.close()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", type=lambda path: Path(path).resolve())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    wanted = parser.parse_args()
    python = make_venv_beside("bench-graphs-venv", [f"torch_geometric=={GEOMETRIC}"])
    peer = [str(python), str(ROOT / "benches" / "peer_graphs.py")]
    commands = {"ours": [str(build())], "peer": peer}
    about = machine(python, "/".join(map(str, wanted.threads)))
    lines, raw = [], []
    for folder in wanted.folders:
        for threads in wanted.threads:
            times = measure(folder, threads, commands, wanted.rounds)
            ours, peer = (statistics.median(times[who]) for who in ("ours", "peer"))
            lines.append(
                f"| {folder.name} | {threads} | {ours * 1e3:.0f} | {peer * 1e3:.0f}"
                f" | {peer / ours:.1f}× |"
            )
            raw.append({"data": folder.name, "threads": threads} | times)
    text = "\n".join([
        "# An epoch on graphs against PyTorch Geometric", "",
        f"{about['cpu']}, {about['cores']} cores; PyTorch {about['torch']}, PyTorch Geometric"
        f" {GEOMETRIC}, {about['rustc']}, steepness {about['steepness']}; {about['date']}.", "",
        "GCN and SAGPool, 128 features, three blocks; `el(le=0.5)`, Adam, batches of 128 graphs in the"
        " same order, from the graphs in memory to the step. Medians of epochs that alternate.", "",
        "| data | threads | ms | PyTorch Geometric, ms | it takes |", "|---|---|---|---|---|", *lines,
    ]) + "\n"  # fmt: skip
    print(text)
    save("graphs", about, text, raw)


if __name__ == "__main__":
    main()
