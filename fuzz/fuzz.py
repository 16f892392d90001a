#!/usr/bin/env python3
"""Builds the fuzz targets and lets each run for a while, one after the other, on one core.

    python3 fuzz/fuzz.py [--time SECONDS] [--runs EXECUTIONS] [TARGET...]      (default: 60 s, all)

Prints how many inputs each target tried. An input that crashes it, hangs it (10 s) or takes too much
memory ends that target, lies in fuzz/artifacts, and makes the exit code 1. What the fuzzer learns is
kept in fuzz/corpus and used again. Needs cargo-fuzz, which `make fuzz` installs, and a C++ compiler.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS_AN_INPUT = 10
MEGABYTES = 3000

# The longest input that makes sense: files are small, but several may come in one input.
LONGEST = {
    "loss_spec": 256,
    "attack_spec": 160,
    "npy": 512,
    "idx": 512,
    "cifar": 16384,
    "safetensors": 1024,
    "recipe": 4096,
    "table": 2048,
    "arrays": 1024,
    "tu": 512,
    "image": 2048,
    "archive": 4096,
    "vocabulary": 4096,
    "text": 1024,
    "inaturalist": 1024,
    "backbone": 1024,
    "checkpoint": 512,
    "run_folder": 1024,
}


def build():
    # The targets are compiled by a stable compiler: it only has to be told to count branches, which
    # cargo-fuzz does with flags that it takes. What would need another one, the sanitizers, find
    # errors of memory, which safe Rust does not have.
    command = ["cargo", "fuzz", "build", "--sanitizer", "none", "--codegen-units", "16"]
    found = subprocess.run(command, cwd=HERE.parent)
    if found.returncode != 0:
        sys.exit("fuzz: the targets were not built; is cargo-fuzz there (cargo install cargo-fuzz --locked)?")


def folder_of_programs():
    target = os.environ.get("CARGO_TARGET_DIR", HERE / "target")
    (found,) = Path(target).glob("*-linux-*/release")
    return found


def fuzz(target, programs, seconds, runs):
    """What libFuzzer says of one target, and its exit code."""
    corpus, artifacts = HERE / "corpus" / target, HERE / "artifacts" / target
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(parents=True, exist_ok=True)
    command = [
        programs / target, corpus, HERE / "seeds" / target,
        f"-artifact_prefix={artifacts}/", f"-timeout={SECONDS_AN_INPUT}", f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LONGEST[target]}", f"-max_total_time={seconds}", f"-runs={runs}",
        "-print_final_stats=1", "-verbosity=1", "-close_fd_mask=1",
    ]
    words = HERE / "words" / f"{target}.dict"
    if words.is_file():
        command.append(f"-dict={words}")
    log = artifacts / "log"
    with log.open("wb") as to:
        ended = subprocess.run(command, stdout=to, stderr=to, cwd=HERE)
    return log.read_text(errors="replace"), ended.returncode


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--time", type=int, default=60, help="seconds a target (0: no limit)")
    ask.add_argument("--runs", type=int, default=-1, help="executions a target (-1: no limit)")
    ask.add_argument("--no-build", action="store_true", help="the targets are there")
    ask.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(LONGEST))
    asked = ask.parse_args()
    unknown = [target for target in asked.targets if target not in LONGEST]
    if unknown:
        ask.error(f"there is no target {unknown[0]}; there are {', '.join(LONGEST)}")
    if not asked.no_build:
        build()
    programs = folder_of_programs()
    print(f"{'target':<14}{'executions':>12}{'seconds':>9}{'a second':>10}{'branches':>10}  found", flush=True)
    bad = 0
    for target in asked.targets or LONGEST:
        begin = time.monotonic()
        text, code = fuzz(target, programs, asked.time, asked.runs)
        seconds = time.monotonic() - begin
        executed = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
        progress = re.findall(r"^#(\d+)\t.*?cov: (\d+)", text, re.MULTILINE)
        count = int(executed[-1] if executed else progress[-1][0] if progress else 0)
        branches = progress[-1][1] if progress else "-"
        artifact = re.findall(r"Test unit written to (\S+)", text)
        found = "nothing" if code == 0 else artifact[-1] if artifact else f"exit code {code}"
        bad += code != 0
        print(f"{target:<14}{count:>12}{seconds:>9.0f}{count / seconds:>10.0f}{branches:>10}  {found}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
