#!/usr/bin/env python3
"""Builds the Python package, and tests it in a virtual environment of its own.

    wheel.py build   a wheel in target/wheels, as it is to be published
    wheel.py test    one that is quickly built, its lints, types and tests; what needs packages that
                     cannot be had is skipped, and then it says so
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings/python"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PLACE = TARGET / "venv-python"
# What a wheel may weigh, in MB.
MOST = 10


def run(*words: object, check: bool = True) -> int:
    """Run it, and end where it fails and nobody looks."""
    code = subprocess.run([str(word) for word in words], cwd=PACKAGE).returncode
    if check and code != 0:
        sys.exit(code)
    return code


def environment() -> Path | None:
    """The interpreter of an environment with what `requirements.txt` says, if it can be made."""
    python = PLACE / "bin/python"
    requirements = PACKAGE / "requirements.txt"
    if installed(requirements):
        return python
    try:
        venv.create(PLACE, clear=True, with_pip=True)
    except subprocess.CalledProcessError:
        # Debian keeps it in a package of its own, python3-venv.
        return None
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if run(python, *install, "-r", requirements, check=False) != 0:
        return None
    note(requirements)
    return python


def with_torch(python: Path) -> bool:
    """Whether PyTorch is in it, or could be put there."""
    requirements = PACKAGE / "requirements-torch.txt"
    if not installed(requirements):
        install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        if run(python, *install, "-r", requirements, check=False) != 0:
            return False
        note(requirements)
    return True


def mark(requirements: Path) -> Path:
    """Where it is noted that these are installed."""
    return PLACE / f"{requirements.stem}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"


def installed(requirements: Path) -> bool:
    return mark(requirements).exists()


def note(requirements: Path) -> None:
    mark(requirements).touch()


def build(python: Path, profile: str, out: Path) -> Path:
    """A wheel, newly built."""
    for old in out.glob("steepness-*.whl"):
        old.unlink()
    run(python, "-m", "maturin", "build", "--locked", "--profile", profile, "--out", out)
    (wheel,) = out.glob("steepness-*.whl")
    return wheel


def main() -> None:
    os.environ.setdefault("PYO3_PYTHON", sys.executable)
    python = environment()
    if python is None:
        print("SKIPPED: the Python package; no environment with bindings/python/requirements.txt")
        sys.exit(0 if sys.argv[1:] == ["test"] else 1)
    if sys.argv[1:] == ["build"]:
        wheel = build(python, "release", TARGET / "wheels")
        size = wheel.stat().st_size / 1e6
        print(f"{wheel}: {size:.1f} MB")
        if size > MOST:
            sys.exit(f"more than {MOST} MB")
        return
    if sys.argv[1:] != ["test"]:
        sys.exit(__doc__)
    wheel = build(python, "core", TARGET / "wheels-core")
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    run(python, *install, "--force-reinstall", wheel)
    run(python, "-m", "ruff", "format", "--check", "-q", ".")
    run(python, "-m", "ruff", "check", "-q", ".")
    torch = with_torch(python)
    if torch:
        run(python, "-m", "mypy")
        run(python, "-m", "pytest", "--doctest-modules", "--pyargs", "steepness", "tests")
    else:
        run(python, "-m", "pytest", "tests")
        print("SKIPPED: what is about PyTorch, which could not be installed (requirements-torch.txt)")


if __name__ == "__main__":
    main()
