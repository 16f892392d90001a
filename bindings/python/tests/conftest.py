"""What the tests have in common."""

import json
import os
from pathlib import Path

import pytest

# Triton asks when it is imported, which the doctests do before the kernels' own tests.
os.environ["TRITON_INTERPRET"] = "1"

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def golden() -> list[dict]:
    """Losses and gradients of every curve, written by the plain reference of the Rust tests."""
    with open(ROOT / "crates/loss/tests/golden.json", encoding="utf-8") as file:
        return json.load(file)
