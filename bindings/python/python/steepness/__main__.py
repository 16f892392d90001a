"""The command ``steepness``: everything that needs no libtorch."""

import sys

from steepness._core import main_from


def main() -> None:
    """Do what the command line says, and end with its exit code."""
    sys.exit(main_from(["steepness" if sys.argv[0].endswith("__main__.py") else sys.argv[0], *sys.argv[1:]]))


if __name__ == "__main__":
    main()
