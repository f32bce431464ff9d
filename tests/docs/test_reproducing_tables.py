"""The counted parts of ``docs/reproducing-tables.md`` are what the script that writes them gives."""

import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("reproducing_tables", ROOT / "scripts" / "reproducing_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(script):
    return script.counted_parts(script.PAGE.read_text())


def test_every_part_is_on_the_page(script, written):
    assert list(written) and set(written) == set(script.PARTS)


@pytest.mark.parametrize("part", ["rows", "needs", "sampling", "work", "others", "speed", "hours", "lite"])
def test_what_is_counted_is_what_is_written(part, script, written):
    assert script.PARTS[part]() == written[part]


def test_memory(script, written):
    """The row of two images on a GPU, of COCO in mixed precision, which stands for all: each takes many seconds."""
    heading, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in written["memory"].splitlines()]
    assert heading[1:] == [name for name, *_ in script.MEMORY_COLUMNS]
    assert [row[0] for row in rows] == list(map(str, script.IMAGES))
    assert rows[1][1] == script.memory_cell(2, *script.MEMORY_COLUMNS[0][1:])


def test_a_page_is_counted_anew_in_its_parts_alone(script):
    page = "Before\n\n<!-- counted: rows -->\nold\n<!-- end -->\n\nAfter 26 rows.\n"
    assert (
        script.counted_anew(page)
        == f"Before\n\n<!-- counted: rows -->\n{script.rows()}<!-- end -->\n\nAfter 26 rows.\n"
    )


def test_the_committed_count_is_the_one_that_is_named(written):
    """But for the classes: the page counts the panoptic model, Table 5 the instance one."""
    costs = pd.read_csv(ROOT / "reports" / "reference" / "costs.csv", dtype={"table": str})
    row = costs[(costs["variant"] == "matching point, training point") & (costs["metric"] == "training_flops_ours")]
    (named, *_) = re.findall(r"([\d.]+) G multiply-accumulates", written["work"])
    assert float(named) == pytest.approx(row["value"].item(), rel=3e-4)
