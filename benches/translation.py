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
STEPS = 3
SENTENCES = 128
# Tokens of the targets with their ends: 128 sentences of 14 to 18.
TOKENS = sum(14 + row % 5 for row in range(SENTENCES))

SIZES = {"small": "3 + 3 layers, width 256", "iwslt": "6 + 6 layers, width 512"}
CASES = [
    *(("train", size, precision, loss, STEPS) for size in SIZES for precision in ("f32", "bf16")
      for loss in ("ce + smooth(0.1)", "el(le=0.5) + smooth(0.1)")),
    ("search", SENTENCES, 2),
]  # fmt: skip


# Places of a batch and pieces of the vocabulary, of the last layer with its loss.
HEAD = (4096, 10_000)
HEAD_CASES = {
    ("ours", "linear"): "fused, f32",
    ("ours", "linear-tch"): "libtorch's product and our loss, f32",
    ("ours", "linear-bf16"): "libtorch's product in bf16 and our loss",
    ("peer", "linear"): "PyTorch, f32",
}


def build(package, example, *features):
    subprocess.run([sys.executable, "scripts/libtorch.py"], cwd=ROOT, check=True)
    command = ["cargo", "build", "--release", "--locked", "-p", package, "--example", example]
    subprocess.run([*command, *features], cwd=ROOT, check=True)
    return [str(TARGET / "release" / "examples" / example)]


def head(threads, commands, rounds):
    """Lines of the table and raw figures of the last layer: a projection of 512 features and a loss."""
    lines, raw = [], []
    for loss in ("ce", "el(le=0.75)"):
        for (who, way), name in HEAD_CASES.items():
            worker = Worker(commands[who], threads)
            bytes_ = int(worker.ask("peak", *HEAD, way, loss)[0])
            worker.close()
            worker = Worker(commands[who], threads)
            times = worker.ask("time", *HEAD, rounds + 1, way, loss)[1:]
            worker.close()
            median = statistics.median(times)
            lines.append(
                f"| {name}, `{loss}` | {threads} | {1e3 * median:.0f} | {HEAD[0] / median:,.0f}"
                f" | {bytes_ / 2**20:,.0f} |"
            )
            raw.append({"head": [who, way, loss], "threads": threads, "s": times, "bytes": bytes_})
    return lines, raw


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
        what = f"training, {SIZES[case[1]]}, {case[2]}, `{case[3]}`"
        rate = [f"{TOKENS / t:,.0f} tokens" for t in (ours, peer)]
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
    commands = {"ours": build("steepness-lab", "bench_translation"), "peer": peer}
    about = machine(python, "/".join(map(str, wanted.threads)))
    lines, raw = [], []
    for case in CASES:
        for threads in wanted.threads:
            times = measure(case, threads, commands, wanted.rounds)
            lines.append(row(case, threads, times))
            raw.append({"case": list(case), "threads": threads} | times)
    commands["ours"] = build("steepness", "bench_loss", "--features", "rayon,tch,linear")
    head_lines = []
    for threads in wanted.threads:
        commands["peer"] = [str(python), str(ROOT / "benches" / "peer_loss.py"), str(threads)]
        found = head(threads, commands, wanted.rounds)
        head_lines += found[0]
        raw += found[1]
    text = "\n".join([
        "# A Transformer against PyTorch", "",
        f"{about['cpu']}, {about['cores']} cores ({', '.join(about['features'])}); PyTorch"
        f" {about['torch']}, {about['rustc']}, steepness {about['steepness']}; {about['date']}.", "",
        "1024 hidden units, 4 heads, 8,000 tokens in each vocabulary; 6 + 6 layers of width 512 are the"
        " paper's network for IWSLT14, 3 + 3 layers of width 256 are what is searched with; 128"
        f" sentences of 13 to 18 tokens ({TOKENS:,} of the target). Training is a step with Adam and"
        " dropout of 0.3; PyTorch runs eagerly, in bf16 under autocast, with `F.cross_entropy` and the"
        " official composition of the encouraging loss. The search keeps keys and values on both sides."
        " Medians of rounds that alternate, a second.", "",
        "| what | threads | ours | PyTorch | PyTorch takes |", "|---|---|---|---|---|", *lines, "",
        f"The last layer with its loss, forward and backward: {HEAD[0]:,} places of 512 features among"
        f" {HEAD[1]:,} pieces. *Memory* is the peak of one call beyond its inputs, the gradients of"
        " features and weights included.", "",
        "| last layer | threads | ms | tokens/s | memory, MiB |", "|---|---|---|---|---|", *head_lines,
    ]) + "\n"  # fmt: skip
    print(text)
    if not wanted.no_save:
        save("translation", about, text, raw)


if __name__ == "__main__":
    main()
