#!/usr/bin/env python3
"""Tries the wheel in virtual environments that have nothing else, as whoever installs it has.

    fresh.py [--no-tests] [none] [2.6.0] [newest]    (default: all three; a version is one of PyTorch's)

It takes the wheel that `wheel.py build` made, else that of `wheel.py test`. In each environment the wheel
is installed as it is published, and the README's lines are run, without PyTorch those about NumPy; then the
tests. PyTorch comes from pip's index, of CUDA no more than `import torch` asks for where there is no GPU: 2
to 4 GB, which are deleted again.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

from wheel import PACKAGE, TARGET

# Of its own, so that several may be tried at once.
PLACE = TARGET / f"venv-fresh-{os.getpid()}"
PYTHON = PLACE / "bin/python"
# Of GPUs, and too large to be installed for nothing.
OF_GPUS = re.compile(r"(nvidia|cuda)-|triton$")


def call(*words: object, **options) -> subprocess.CompletedProcess:
    """Run it; its end is the caller's to look at."""
    return subprocess.run([str(word) for word in words], **options)


def demand(what: str, *words: object, **options) -> str:
    """Run it, and end with what it said where it fails."""
    done = call(*words, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"FAILED: {what}\n{done.stdout}{done.stderr}")
    print(f"  {what}", flush=True)
    return done.stdout


def pip(command: str, *words: object) -> str:
    """What pip says."""
    options = ["--disable-pip-version-check", "--no-cache-dir", "-q"]
    what = " ".join(map(str, ("pip", command, *words)))
    return demand(what[:100], PYTHON, "-m", "pip", command, *options, *words)


def torch(requirement: str) -> str:
    """Install PyTorch; which version it is."""
    said = pip("install", "--dry-run", "--ignore-installed", "--report", "-", requirement)
    found = [package["metadata"] for package in json.loads(said)["install"]]
    versions = {package["name"].lower(): package["version"] for package in found}
    small = [f"{name}=={version}" for name, version in versions.items() if not OF_GPUS.match(name)]
    pip("install", "--no-deps", *small)
    while True:
        done = call(PYTHON, "-c", "import torch", capture_output=True, text=True)
        if done.returncode == 0:
            return versions["torch"]
        package = next(lacking(done.stderr, versions), None)
        if package is None:
            sys.exit(f"FAILED: import of {requirement}\n{done.stderr}")
        pip("install", "--no-deps", f"{package}=={versions.pop(package)}")


# Libraries whose package has another name.
PACKAGES = {
    "cudart": "cuda-runtime", "nvrtc": "cuda-nvrtc", "cupti": "cuda-cupti", "nvToolsExt": "nvtx",
    "cublasLt": "cublas", "nvshmem_host": "nvshmem",
}  # fmt: skip


def lacking(error: str, packages: Iterable[str]) -> Iterator[str]:
    """Which of the packages have the libraries that an import did not find."""
    missing = r"lib(\w+)\.so\S*(?:: cannot open shared object| not found in the system path)"
    for library in re.findall(missing, error):
        name = re.compile(f"nvidia-{PACKAGES.get(library, library.lower())}(-cu\\d+)?$")
        yield from filter(name.match, packages)


def lines_of_the_readme() -> list[str]:
    """Its blocks of Python."""
    text = (PACKAGE / "README.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.S)


def try_it(wheel: Path, version: str, tests: bool) -> None:
    """One environment, from nothing to nothing."""
    print(f"{wheel.name} with PyTorch: {version}", flush=True)
    shutil.rmtree(PLACE, ignore_errors=True)
    try:
        venv.create(PLACE, with_pip=True)
        if version != "none":
            requirement = "torch" if version == "newest" else f"torch=={version}"
            print(f"  PyTorch is {torch(requirement)}", flush=True)
        pip("install", wheel)
        # Nothing of the repository is in reach.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        with tempfile.TemporaryDirectory() as folder:
            options = {"cwd": folder, "env": environment}
            script = Path(folder) / "readme.py"
            for block in lines_of_the_readme():
                if version == "none" and "import torch" in block:
                    continue
                script.write_text(block, "utf-8")
                demand(f"README: {block.splitlines()[0]} …", PYTHON, script, **options)
            demand("the command", PLACE / "bin/steepness", "--version", **options)
            if version == "none":
                line = "import steepness.torch"
                refused = call(PYTHON, "-c", line, capture_output=True, text=True, **options)
                if "No module named 'torch'" not in refused.stderr:
                    sys.exit(f"FAILED: without PyTorch it says {refused.stderr!r}")
        if tests:
            pip("install", "pytest", "pandas")
            words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
            said = demand("the tests", PYTHON, *words, cwd=PACKAGE, env=environment)
            print("  " + said.strip().splitlines()[-1], flush=True)
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)


def main() -> None:
    wheels = [path for of in ("wheels", "wheels-core") for path in (TARGET / of).glob("steepness-*.whl")]
    if not wheels:
        sys.exit(f"no wheel in {TARGET / 'wheels'}: make wheel")
    asked = [word for word in sys.argv[1:] if word != "--no-tests"]
    for version in asked or ["none", "2.6.0", "newest"]:
        try_it(wheels[0], version, "--no-tests" not in sys.argv)


if __name__ == "__main__":
    main()
