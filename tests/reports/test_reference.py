"""The committed reference: what is there of a table is whole, and the paper's first claim holds."""

from pathlib import Path

import pandas as pd
import pytest

from ablations.comparing.beside_paper import comparison_frame
from ablations.metric_names import unit
from ablations.paper import paper_results
from ablations.store.results_frame import COLUMNS
from ablations.studies import STUDIES

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "reports" / "reference"


@pytest.fixture(scope="module")
def results():
    return pd.read_csv(REFERENCE / "results.csv", dtype={"table": str})


def test_reference_is_a_results_frame_at_mini_scale(results):
    assert list(results.columns) == list(COLUMNS)
    assert set(results["scale"]) == {"mini"}
    assert (results["unit"] == results["metric"].map(unit)).all()


def test_a_table_that_is_there_has_every_row_with_the_same_first_seeds(results):
    """Those that `--until` has added come behind, and the baseline has each of them."""
    for (table, task), of_task in results.groupby(["table", "task"]):
        seeds = of_task.groupby("variant")["seed"].agg(lambda column: tuple(sorted(set(column))))
        assert set(seeds.index) == {variation.name for variation in STUDIES[table].variations}, (table, task)
        shortest = min(seeds, key=len)
        assert all(own[: len(shortest)] == shortest for own in seeds), (table, task)
        assert all(set(own) <= set(seeds[STUDIES[table].baseline]) for own in seeds), (table, task)


def test_masked_attention_is_better_than_cross_attention(results):
    """The 95% interval of the paired difference lies below zero."""
    comparison = comparison_frame(results, paper_results(), list(STUDIES.values()), "mini")
    of_row = (comparison["table"] == "4a") & (comparison["variant"] == "- masked attention")
    row = comparison[of_row & (comparison["metric"] == "PQ")].iloc[0]
    assert row["n"] > 1 and row["difference_high"] < 0
