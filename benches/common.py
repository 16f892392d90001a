"""What the benches share: the peers' virtual environment, programs that answer lines with lines, and
where results go. Standard library only."""

import datetime
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
VENV = ROOT / "target" / "bench-venv"
PACKAGES = ["torch==2.11.0", "torchvision==0.26.0", "numpy"]


def make_venv():
    """The Python of a virtual environment with the peers, made the first time."""
    python, ready = VENV / "bin" / "python", VENV / "ready"
    wanted = "\n".join(PACKAGES)
    if not ready.exists() or ready.read_text() != wanted:
        print(f"installing {' '.join(PACKAGES)} into {VENV}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        ready.write_text(wanted)
    return python


def make_venv_beside(name, *installs):
    """The Python of a further virtual environment, target/NAME, which sees the packages of the first
    one; `installs` are what pip is asked to install."""
    venv = ROOT / "target" / name
    python, ready = venv / "bin" / "python", venv / "ready"
    wanted = "\n".join(" ".join(install) for install in installs)
    if not ready.exists() or ready.read_text() != wanted:
        make_venv()
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        own, others = (next(of.glob("lib/*/site-packages")) for of in (venv, VENV))
        (own / "others.pth").write_text(f"{others}\n")
        for install in installs:
            subprocess.run([python, "-m", "pip", "install", "-q", *install], check=True)
        ready.write_text(wanted)
    return python


class Worker:
    """A program that answers lines with lines, once it has said that it is ready: else the first that is
    asked would share the cores with another that is still being loaded."""

    def __init__(self, command, threads):
        names = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | {name: str(threads) for name in names}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"{command[0]} did not start")

    def ask(self, *words):
        line = " ".join(map(str, words))
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            raise SystemExit(f"no answer to {line!r}")
        return [float(word) for word in answer]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def processor():
    """Name, cores and vector instructions."""
    name, flags = platform.processor() or platform.machine(), ""
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = re.search(r"model name\s*: (.*)", text)[1]
        family, model = (re.search(rf"{key}\s*: (.*)", text)[1] for key in ("cpu family", "model\t"))
        name += f" (family {family}, model {model})"
        flags = re.search(r"flags\s*: (.*)", text)[1]
    except (OSError, TypeError):
        pass
    wanted = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")
    return name, [flag for flag in wanted if flag in flags.split()]


def machine(python, threads):
    name, features = processor()
    run = lambda *command: subprocess.check_output(command, cwd=ROOT, text=True).strip()
    return {
        "cpu": name,
        "features": features,
        "cores": os.cpu_count(),
        "threads": threads,
        "system": platform.platform(terse=True),
        "torch": run(str(python), "-c", "import torch; print(torch.__version__)"),
        "rustc": run("rustc", "--version"),
        "steepness": run("git", "describe", "--always", "--dirty"),
        "date": datetime.date.today().isoformat(),
    }


def saved_at(name, about):
    """benches/results/NAME-CPU, without .md and .json."""
    cpu = re.sub(r"[^a-z0-9]+", "-", about["cpu"].lower()).strip("-")
    return ROOT / "benches" / "results" / f"{name}-{cpu}"


def saved(name, about):
    """The measurements that were saved last on such a machine."""
    path = saved_at(name, about).with_suffix(".json")
    return json.loads(path.read_text())["measurements"] if path.exists() else []


def save(name, about, text, measurements):
    """Writes benches/results/NAME-CPU.md and .json."""
    path = saved_at(name, about)
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".md").write_text(text)
    path.with_suffix(".json").write_text(
        json.dumps({"machine": about, "measurements": measurements}, indent=1) + "\n"
    )
