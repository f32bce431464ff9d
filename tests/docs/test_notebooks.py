"""The notebooks of ``docs/notebooks``; that of Table 4(c) is run by ``test_quick_start.py``, which has its runs."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_of_jupyters_format_and_holds_no_outputs(path):
    notebook = json.loads(path.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    for cell in code:
        assert cell["outputs"] == [] and cell["execution_count"] is None


def test_your_own_data_from_scenes_to_pictures(run_notebook, tmp_path):
    directory = tmp_path / "notebook"
    directory.mkdir()
    done = run_notebook("your-own-data", directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((directory / "predictions" / "overlays").iterdir())) == 4
    assert (directory / "parts" / "panoptic-results" / "index.html").is_file()
