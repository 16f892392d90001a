#!/usr/bin/env python3
"""A Transformer against PyTorch: training steps and beam search, measured side by side.

    python3 benches/translation.py [--rounds 5] [--threads 1 2] [--no-save]

Builds crates/lab/examples/bench_translation.rs, makes a virtual environment with PyTorch for the peer
(benches/peer_translation.py), keeps both running and asks them in turn. Prints a Markdown table of
medians and saves it as benches/results/translation-CPU.md and .json. Standard library only.
"""

import argparse
import statistics
import subprocess
import sys

from common import ROOT, TARGET, Worker, machine, make_venv, save

# Steps of a round; the first meets cold caches and pages that are not there yet.
STEPS = 4
SENTENCES = 128
# Tokens of the targets with their ends: 128 sentences of 14 to 18.
TOKENS = sum(14 + row % 5 for row in range(SENTENCES))

CASES = [
    *(("train", precision, loss, STEPS) for precision in ("f32", "bf16")
      for loss in ("ce + smooth(0.1)", "el(le=0.5) + smooth(0.1)")),
    ("search", SENTENCES, 2),
]  # fmt: skip


def build():
    subprocess.run([sys.executable, "scripts/libtorch.py"], cwd=ROOT, check=True)
    command = ["cargo", "build", "--release", "--locked", "-p", "steepness-lab"]
    subprocess.run([*command, "--example", "bench_translation"], cwd=ROOT, check=True)
    return TARGET / "release" / "examples" / "bench_translation"


def measure(case, threads, commands, rounds):
    """Seconds of every step or search but the first of each round, by who made them."""
    times = {who: [] for who in commands}
    workers = {who: Worker(command, threads) for who, command in commands.items()}
    what, *words = (str(word).replace(" ", "_") for word in case)
    for round_ in range(1, rounds + 1):
        for who, worker in workers.items():
            times[who] += worker.ask(what, threads, *words)[1:]
        print(*case, f"{threads}: round {round_} of {rounds}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.close()
    return times


def row(case, threads, times):
    ours, peer = (statistics.median(times[who]) for who in ("ours", "peer"))
    if case[0] == "train":
        what, rate = f"training, {case[1]}, `{case[2]}`", [f"{TOKENS / t:,.0f} tokens" for t in (ours, peer)]
    else:
        what, rate = "search, beam 5", [f"{SENTENCES / t:,.1f} sentences" for t in (ours, peer)]
    return f"| {what} | {threads} | {rate[0]} | {rate[1]} | {peer / ours:.2f}× |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-save", action="store_true", help="print the table only")
    wanted = parser.parse_args()
    python = make_venv()
    peer = [str(python), str(ROOT / "benches" / "peer_translation.py")]
    commands = {"ours": [str(build())], "peer": peer}
    about = machine(python, "/".join(map(str, wanted.threads)))
    lines, raw = [], []
    for case in CASES:
        for threads in wanted.threads:
            times = measure(case, threads, commands, wanted.rounds)
            lines.append(row(case, threads, times))
            raw.append({"case": list(case), "threads": threads} | times)
    text = "\n".join([
        "# A Transformer against PyTorch", "",
        f"{about['cpu']}, {about['cores']} cores ({', '.join(about['features'])}); PyTorch"
        f" {about['torch']}, {about['rustc']}, steepness {about['steepness']}; {about['date']}.", "",
        "3 and 3 layers of width 256, 1024 hidden units, 4 heads, 8,000 tokens in each vocabulary; 128"
        f" sentences of 13 to 18 tokens ({TOKENS:,} of the target). Training is a step with Adam and"
        " dropout of 0.3; PyTorch runs eagerly, in bf16 under autocast, with `F.cross_entropy` and the"
        " official composition of the encouraging loss. The search keeps keys and values on both sides."
        " Medians of rounds that alternate, a second.", "",
        "| what | threads | ours | PyTorch | PyTorch takes |", "|---|---|---|---|---|", *lines,
    ]) + "\n"  # fmt: skip
    print(text)
    if not wanted.no_save:
        save("translation", about, text, raw)


if __name__ == "__main__":
    main()
