"""The committed reference is whole, is what the comparison makes of it, and says what the README says."""

from pathlib import Path

import pandas as pd
import pytest

from ablations.comparing.beside_paper import comparison_frame
from ablations.metric_names import unit
from ablations.paper import paper_results
from ablations.store.results_frame import COLUMNS
from ablations.studies import FIGURES, STUDIES, TABLES

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


def test_comparison_is_that_of_the_results(results):
    committed = pd.read_csv(REFERENCE / "comparison.csv", dtype={"table": str, "seeds": str}, keep_default_na=True)
    tables = [study for study in STUDIES.values() if study.table in set(results["table"])]
    expected = comparison_frame(results, paper_results(), tables, "mini")
    committed["seeds"] = committed["seeds"].fillna("")
    # The same numbers: means and intervals are computed again, maybe on a processor that rounds otherwise.
    pd.testing.assert_frame_equal(committed, expected, check_dtype=False, rtol=1e-6)


def test_masked_attention_beats_cross_attention(results):
    """The 95% interval of the paired difference lies above zero."""
    comparison = comparison_frame(results, paper_results(), list(STUDIES.values()), "mini")
    row = comparison[
        (comparison["table"] == "4c") & (comparison["variant"] == "cross-attention") & (comparison["metric"] == "PQ")
    ].iloc[0]
    assert row["difference_high"] < 0  # cross-attention minus masked attention
    assert row["verdict"] == "reproduced"


def test_readme_shows_the_reference_of_table_4c(results):
    readme = (ROOT / "README.md").read_text()
    values = results[(results["table"] == "4c") & (results["metric"] == "PQ")]
    for variant, mean in values.groupby("variant")["value"].mean().items():
        (line,) = [line for line in readme.splitlines() if line.startswith(f"| {variant}")]
        assert f"{mean:.1f}" in line


@pytest.mark.parametrize("table", [study.table for study in (*TABLES, *FIGURES)])
def test_reference_covers_every_table(results, table):
    seeds = set(results.loc[(results["table"] == table) & (results["task"] == "panoptic"), "seed"])
    assert len(seeds) >= (3 if table in ("4a", "4c", "4e") else 1)


def test_reference_covers_all_tasks_of_table_4c(results):
    assert set(results.loc[results["table"] == "4c", "task"]) == {"panoptic", "instance", "semantic"}
