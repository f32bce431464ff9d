"""Bad data as users meet them in a sweep. What a good one gives is in ``tests/docs/test_quick_start.py``."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.running.worker import execute, run_config
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run, open_store
from ablations.studies import STUDIES
from m2f.data.prepare import prepare

M2F = Path(sys.executable).with_name("m2f")
SMOKE = ["4c", "--scale", "smoke", "--tasks", "panoptic"]
ONE_RUN = ["--override", "model.transformer_decoder.cross_attention.type=MaskedAttention"]


def planned_run(place, data, overrides):
    """The directory of Table 4(c)'s first run."""
    cell = make_plan([STUDIES["4c"]], chosen_scale("smoke"), ["panoptic"], [0], overrides, data).cells[0]
    return create_run(open_store(place / "runs"), cell.run, data)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The data of a run of scale smoke."""
    place = tmp_path_factory.mktemp("whole")
    prepare(run_config(RunRecord(planned_run(place, place / "data", {}))))
    return place / "data"


@pytest.fixture
def damaged(whole, tmp_path):
    """A copy of the scenes, to be damaged."""
    shutil.copytree(whole, tmp_path / "data")
    return tmp_path / "data" / "scenes" / "smoke"


def no_image(scenes):
    for path in scenes.glob("train2017/*.png"):
        path.write_text("no picture")
    return {}, "not a readable image"


def unfit_classes(scenes):
    return {"model.num_things": 5}, "model.num_things = 5"


def test_bad_data_end_the_sweep_with_one_sentence(damaged, tmp_path, run_script):
    for named in damaged.glob("train2017/*.png"):
        named.write_bytes(named.read_bytes()[:1000])
    places = ["--store", tmp_path / "runs", "--data", tmp_path / "data"]
    result = run_script(M2F, "run", *SMOKE, *ONE_RUN, *places, directory=tmp_path)
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert str(damaged / "train2017") in result.stderr
    (run,) = json.loads(run_script(M2F, "status", *places[:2], "--json", directory=tmp_path).stdout)
    assert run["state"] == "failed"
    assert run["reason"] == result.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.mark.parametrize("damage", [no_image, unfit_classes])
def test_a_worker_names_what_is_bad(damaged, damage, tmp_path):
    """The same without the sweep around it, which the test above has."""
    overrides, named = damage(damaged)
    directory = planned_run(tmp_path, tmp_path / "data", overrides)
    assert execute(directory) == 2
    assert named in RunRecord(directory).state.reason
