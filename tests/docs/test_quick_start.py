"""``docs/quick-start.md``: its commands of scale smoke, given in an empty directory, make what the page promises."""

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "quick-start.md"
M2F = Path(sys.executable).with_name("m2f")


@pytest.fixture(scope="module")
def place(tmp_path_factory, commands, run_script):
    """The directory, and what came of each command. The one that trains is given to a shell, as a user gives it."""
    directory = tmp_path_factory.mktemp("laptop")
    given = [line for line in commands(PAGE) if line.startswith("m2f ")]
    smoke = given[: next(index for index, line in enumerate(given) if "--scale mini" in line)]
    assert [line.split()[1] for line in smoke] == ["doctor", "run", "status", "report"]
    ended = {}
    for line in smoke:
        words = shlex.split(line)[1:]
        ended[words[0]] = shell(line, directory) if words[0] == "run" else run_script(M2F, *words, directory=directory)
        assert ended[words[0]].returncode == 0, f"{line}\n{ended[words[0]]}"
    return directory, ended


def shell(line, directory):
    path = os.pathsep.join([str(M2F.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    return subprocess.run(line, shell=True, cwd=directory, env=environment, capture_output=True, text=True)


def test_the_runs_are_where_the_page_says(place):
    directory, ended = place
    assert {path.name for path in directory.iterdir()} == {"data", "runs", "report"}
    assert (directory / "data" / "scenes" / "smoke" / "annotations").is_dir()
    assert len(list((directory / "runs" / "runs").iterdir())) == 4
    assert len(list((directory / "runs" / "sweeps").iterdir())) == 1
    assert "4 runs: 4 done" in ended["status"].stdout


def test_every_row_is_trained(place):
    run = place[1]["run"]
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[0] == "Planning"
    assert lines[1] == "4 rows, 1 task, 1 seed: 4 cells -> 4 trainings (already done: 0)"
    assert sum(" done         4c " in line for line in lines) == 4
    assert lines[-1] == "Next: m2f report 4c --store runs --out report"


def test_status_says_done_to_programs(place, run_script):
    runs = json.loads(run_script(M2F, "status", "--json", directory=place[0]).stdout)
    assert [run["rows"][0]["variant"] for run in runs] == [
        "cross-attention",
        "SMCA",
        "mask pooling",
        "masked attention",
    ]
    assert {run["state"] for run in runs} == {"done"}
    assert all(run["iteration"] == run["iterations"] for run in runs)


def test_a_run_keeps_what_the_pages_say(place):
    directory, _ = place
    for run in (directory / "runs" / "runs").iterdir():
        names = {path.name for path in run.iterdir()}
        assert {"config.py", "run.json", "metrics.json", "history.json", "log.txt", "per_class.csv"} <= names
        assert {"per_image.csv", "state.json"} <= names


def test_the_report_is_what_the_page_says(place):
    directory, ended = place
    report = directory / "report"
    written = {Path(line.split(maxsplit=1)[1]).name for line in ended["report"].stdout.splitlines()}
    assert written == {"report.pdf", "report.html", "report.md", "results.csv", "comparison.csv", "costs.csv", "tables"}
    assert all((report / name).stat().st_size > 0 for name in written)
    assert (report / "tables" / "4c-smoke-panoptic.tex").exists()
    assert "51.9" in (report / "report.md").read_text()  # the paper's number beside ours
    with (report / "results.csv").open() as file:
        values = [float(row["value"]) for row in csv.DictReader(file) if row["metric"] == "PQ"]
    assert values == [0.0] * 4


def test_the_same_command_again_has_nothing_to_do(place, run_script):
    again = run_script(M2F, "run", "4c", "--scale", "smoke", "--tasks", "panoptic", directory=place[0])
    assert again.returncode == 0
    assert "4 trainings (already done: 4)" in again.stdout
    assert "started" not in again.stdout


def test_compare_draws_the_images_on_which_designs_differ(place, run_script, tmp_path):
    rows = ("4c:masked attention", "SMCA")
    result = run_script(M2F, "compare", *rows, "--scale", "smoke", "--out", tmp_path / "compared", directory=place[0])
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("'4c:SMCA' compared with '4c:masked attention': panoptic, scale smoke")
    assert result.stdout.splitlines()[-1] == f"Page: {tmp_path / 'compared' / 'index.html'}"
    page = (tmp_path / "compared" / "index.html").read_text()
    # Of six images each the image, its ground truth, two predictions and their errors.
    assert page.count("data:image/png;base64,") == 6 * 6


def test_the_notebook_shows_these_runs(place, run_notebook):
    """Its first command is the page's, so that nothing is trained again."""
    done = run_notebook("ablate-in-ten-minutes", place[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 trainings (already done: 4)" in done.stdout
