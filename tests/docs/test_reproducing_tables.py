"""The estimates of ``docs/reproducing-tables.md`` follow from what is counted and from the schedules."""

from pathlib import Path

import pandas as pd
import pytest

from ablations.planning.plan import read_config_file
from ablations.planning.scales import CONFIGS
from ablations.studies import TABLES
from m2f.cost.memory import training_memory
from m2f.cost.training_flops import training_flops

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reproducing-tables.md").read_text()
SIDE = {"panoptic": 1024, "semantic": 512}


@pytest.fixture(params=["panoptic", "semantic"])
def config(request):
    return read_config_file(CONFIGS / f"paper/{request.param}.py").config


def test_work_of_a_run(config):
    side = SIDE[config["task"]]
    step = training_flops(config["model"], (side, side))
    images = config["train_cfg"]["max_iters"] * config["train_dataloader"]["batch_size"]
    assert f"{step / 1e9:.1f} G" in TEXT
    mantissa, exponent = f"{2 * step * images:.2e}".split("e")
    assert f"{mantissa}e{int(exponent)} FLOPs a run" in TEXT


def test_the_committed_count_is_the_one_that_is_named():
    costs = pd.read_csv(ROOT / "reports" / "reference" / "costs.csv", dtype={"table": str})
    row = costs[(costs["variant"] == "matching point, training point") & (costs["metric"] == "training_flops_ours")]
    assert f"{row['value'].item():.1f} G multiply-accumulates" in TEXT


def test_memory():
    """The row of two images on a GPU, COCO, mixed precision."""
    (cells,) = [line.split("|") for line in TEXT.splitlines() if line.startswith("| 2 |")]
    model = read_config_file(CONFIGS / "paper/panoptic.py").config["model"]
    few, many = (training_memory(model, images=2, targets=targets).peak / 1e9 for targets in (11, 100))
    assert cells[2].strip() == f"{few:.1f} to {many:.1f}"


def test_number_of_rows_and_runs():
    tables = [study for study in TABLES if study.table in ("4a", "4b", "4c", "4d", "4e", "5")]
    assert f"have {sum(len(study.variations) for study in tables)} rows a task" in TEXT
    designs = {str(sorted(row.overrides.items())) for study in tables for row in study.variations}
    assert f"{len(designs)} runs a task, {3 * len(designs)} with all three" in TEXT
