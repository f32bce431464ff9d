"""``docs/quick-start.md``: its commands of scale smoke, given in an empty directory, make what the page promises.

That the second sweep has nothing to do is tested in ``tests/test_end_to_end.py``.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "quick-start.md"


@pytest.fixture(scope="module")
def place(tmp_path_factory, commands):
    """The directory, and what each command has printed."""
    directory = tmp_path_factory.mktemp("laptop")
    given = [line for line in commands(PAGE) if line.startswith("m2f ")]
    smoke = given[: next(index for index, line in enumerate(given) if "--scale mini" in line)]
    assert [line.split()[1] for line in smoke] == ["doctor", "run", "status", "report"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    printed = {}
    for line in smoke:
        done = subprocess.run(
            line, shell=True, cwd=directory, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        printed[line.split()[1]] = done.stdout
    return directory, printed


def test_the_runs_are_where_the_page_says(place):
    directory, printed = place
    assert {path.name for path in directory.iterdir()} == {"data", "runs", "report"}
    assert (directory / "data" / "scenes" / "smoke" / "annotations").is_dir()
    assert len(list((directory / "runs" / "runs").iterdir())) == 4
    assert len(list((directory / "runs" / "sweeps").iterdir())) == 1
    assert "4 runs: 4 done" in printed["status"]


def test_a_run_keeps_what_the_pages_say(place):
    directory, _ = place
    for run in (directory / "runs" / "runs").iterdir():
        names = {path.name for path in run.iterdir()}
        assert {"config.py", "run.json", "metrics.json", "history.json", "log.txt", "per_class.csv"} <= names
        assert {"per_image.csv", "state.json"} <= names


def test_the_report_is_what_the_page_says(place):
    directory, _ = place
    report = directory / "report"
    for name in ("report.html", "report.pdf", "report.md", "comparison.csv"):
        assert (report / name).stat().st_size > 0
    assert "51.9" in (report / "report.md").read_text()  # the paper's number beside ours
    with (report / "results.csv").open() as file:
        values = [float(row["value"]) for row in csv.DictReader(file) if row["metric"] == "PQ"]
    assert values == [0.0] * 4
