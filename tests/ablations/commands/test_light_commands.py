"""Commands that only read tables load no torch: they answer at once."""

import subprocess
import sys

import pytest

from ablations.store.record_writing import write_done
from ablations.store.runs import create_run, write_sweep

CALL = """
import sys
from click.testing import CliRunner
from ablations.cli import main
from ablations import add_study
from ablations.studies.study import Study, Variation
add_study(Study("9z", "Attention", "masked", (Variation("plain", {}), Variation("masked", {})), ("panoptic",)))
result = CliRunner().invoke(main, sys.argv[1:])
print(result.exit_code, [name for name in ("torch", "mmengine", "mmcv", "mmdet") if name in sys.modules])
"""


@pytest.fixture
def finished(plan, store, tmp_path):
    cells = plan()
    write_sweep(store, cells)
    for cell in cells:
        write_done(create_run(store, cell.run, tmp_path / "data"), {"PQ": 40.0})
    return store


@pytest.mark.parametrize(
    "words",
    [("compare", "9z:plain", "9z:masked"), ("report", "9z", "--out", "out"), ("status",), ("check", "--update")],
)
def test_no_torch(finished, tmp_path, words):
    command = [sys.executable, "-c", CALL, *words, "--store", finished]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    heavy = "['torch', " if words[0] == "check" else "[]"  # a check counts what the models cost
    assert result.stdout.startswith(f"0 {heavy}"), result.stdout + result.stderr
