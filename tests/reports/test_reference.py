"""The committed reference says what the README says."""

from pathlib import Path

import pandas as pd
import pytest

from ablations.compare import comparison_frame
from ablations.paper import paper_results
from ablations.results import COLUMNS
from ablations.studies import STUDIES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results():
    return pd.read_csv(ROOT / "reports" / "reference" / "table_4c_mini_panoptic.csv", dtype={"table": str})


def test_reference_is_a_results_frame_of_whole_seeds(results):
    assert list(results.columns) == list(COLUMNS)
    seeds = results.groupby("variant")["seed"].agg(lambda column: sorted(set(column)))
    assert len({tuple(own) for own in seeds}) == 1
    assert set(seeds.index) == {variation.name for variation in STUDIES["4c"].variations}
    assert (results["scale"] == "mini").all()


def test_masked_attention_beats_cross_attention(results):
    """The 95% interval of the paired difference lies above zero."""
    comparison = comparison_frame(results, paper_results(), STUDIES["4c"], "mini")
    row = comparison[(comparison["variant"] == "cross-attention") & (comparison["metric"] == "PQ")].iloc[0]
    assert row["difference_high"] < 0  # cross-attention minus masked attention
    assert row["verdict"] == "reproduced"


def test_readme_shows_the_reference(results):
    readme = (ROOT / "README.md").read_text()
    means = results[results["metric"] == "PQ"].groupby("variant")["value"].mean()
    for variant, mean in means.items():
        (line,) = [line for line in readme.splitlines() if line.startswith(f"| {variant}")]
        assert f"{mean:.1f}" in line
