"""The command ``steepness``: everything that needs no libtorch."""

import sys

from steepness._core import main_from


def main() -> None:
    """Do what the command line says, and end with its exit code."""
    name, *words = sys.argv
    if not name.endswith("__main__.py"):
        sys.exit(main_from([name, *words], []))
    # By -m: the command may not be installed, or be that of another environment.
    sys.exit(main_from(["steepness", *words], [sys.executable, "-m", "steepness"]))


if __name__ == "__main__":
    main()
