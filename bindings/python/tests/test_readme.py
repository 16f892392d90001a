"""What the README says is what happens."""

import re

import pytest
from conftest import ROOT

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "bindings/python/README.md").read_text("utf-8"), re.S)


@pytest.mark.parametrize("at", range(len(BLOCKS)))
def test_its_lines_run(at, tmp_path, monkeypatch):
    if "import torch" in BLOCKS[at]:
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    # As a module, whose functions have a place.
    script = tmp_path / "readme.py"
    script.write_text(BLOCKS[at], "utf-8")
    exec(compile(BLOCKS[at], str(script), "exec"), {"__name__": "readme", "__file__": str(script)})
