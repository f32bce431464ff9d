"""The suite as its users meet it: the command line, real trainings of scale smoke, generated scenes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.running.worker import execute
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run, open_store
from ablations.studies import STUDIES

M2F = Path(sys.executable).with_name("m2f")
SMOKE = ["4c", "--scale", "smoke", "--tasks", "panoptic"]
ONE_RUN = ["--override", "model.transformer_decoder.cross_attention.type=MaskedAttention"]


def m2f(*arguments):
    return subprocess.run([M2F, *map(str, arguments)], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def sweep(place):
    """Table 4(c), panoptic, from an empty directory."""
    return m2f("run", *SMOKE, "--store", place / "runs", "--data", place / "data")


def test_run_trains_every_row(sweep, place):
    assert sweep.returncode == 0, sweep.stdout + sweep.stderr
    assert sweep.stderr == ""
    lines = sweep.stdout.splitlines()
    assert lines[0] == "Planning"
    assert lines[1] == "4 rows, 1 task, 1 seed: 4 cells -> 4 trainings (already done: 0)"
    assert sum(" done         4c " in line for line in lines) == 4
    assert lines[-1] == f"Next: m2f report 4c --store {place / 'runs'} --out report"


def test_status_says_done(sweep, place):
    runs = json.loads(m2f("status", "--store", place / "runs", "--json").stdout)
    assert [run["rows"][0]["variant"] for run in runs] == [
        "cross-attention",
        "SMCA",
        "mask pooling",
        "masked attention",
    ]
    assert {run["state"] for run in runs} == {"done"}
    assert all(run["iteration"] == run["iterations"] for run in runs)


def test_second_run_has_nothing_to_do(sweep, place):
    again = m2f("run", *SMOKE, "--store", place / "runs", "--data", place / "data")
    assert again.returncode == 0
    assert "4 trainings (already done: 4)" in again.stdout
    assert "started" not in again.stdout


def test_report_lays_numbers_beside_the_papers(sweep, place):
    result = m2f("report", "4c", "--store", place / "runs", "--out", place / "report")
    assert result.returncode == 0, result.stderr
    written = {Path(line.split(maxsplit=1)[1]).name for line in result.stdout.splitlines()}
    assert written == {"report.pdf", "report.html", "report.md", "results.csv", "comparison.csv", "costs.csv", "tables"}
    assert all((place / "report" / name).stat().st_size > 0 for name in written)
    assert (place / "report" / "tables" / "4c-smoke-panoptic.tex").exists()
    assert "51.9" in (place / "report" / "report.md").read_text()


def test_compare_draws_the_images_on_which_designs_differ(sweep, place):
    rows = ("4c:masked attention", "SMCA")
    result = m2f("compare", *rows, "--scale", "smoke", "--store", place / "runs", "--out", place / "compared")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("'4c:SMCA' compared with '4c:masked attention': panoptic, scale smoke")
    assert result.stdout.splitlines()[-1] == f"Page: {place / 'compared' / 'index.html'}"
    page = (place / "compared" / "index.html").read_text()
    # Of six images each the image, its ground truth and two predictions.
    assert page.count("data:image/png;base64,") == 6 * 4


@pytest.fixture
def damaged(sweep, place, tmp_path):
    """A copy of the scenes, to be damaged."""
    shutil.copytree(place / "data", tmp_path / "data")
    return tmp_path / "data" / "scenes" / "smoke"


def no_image(scenes):
    for path in scenes.glob("train2017/*.png"):
        path.write_text("no picture")
    return {}, "not a readable image"


def unfit_classes(scenes):
    return {"model.num_things": 5}, "model.num_things = 5"


def test_bad_data_end_the_sweep_with_one_sentence(damaged, tmp_path):
    for named in damaged.glob("train2017/*.png"):
        named.write_bytes(named.read_bytes()[:1000])
    store = tmp_path / "runs"
    result = m2f("run", *SMOKE, *ONE_RUN, "--store", store, "--data", tmp_path / "data")
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert str(damaged / "train2017") in result.stderr
    (run,) = json.loads(m2f("status", "--store", store, "--json").stdout)
    assert run["state"] == "failed"
    assert run["reason"] == result.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.mark.parametrize("damage", [no_image, unfit_classes])
def test_a_worker_names_what_is_bad(damaged, damage, tmp_path):
    """The same without the sweep around it, which the test above has."""
    overrides, named = damage(damaged)
    data = tmp_path / "data"
    cell = make_plan([STUDIES["4c"]], chosen_scale("smoke"), ["panoptic"], [0], overrides, data).cells[0]
    directory = create_run(open_store(tmp_path / "runs"), cell.run, data)
    assert execute(directory) == 2
    assert named in RunRecord(directory).state.reason
