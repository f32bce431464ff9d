import pytest

from ablations.paper import RESULTS_CSV, SAME, paper_results, printed_results, since_the_paper
from ablations.studies import SINCE_THE_PAPER


def test_paper_results_are_the_shared_ones(pytestconfig):
    shared = pytestconfig.rootpath.parent / "shared" / "paper" / "results.csv"
    if not shared.exists():
        pytest.skip("../shared/paper/results.csv is not there")
    assert RESULTS_CSV.read_bytes() == shared.read_bytes()


def test_paper_results_are_numbers():
    paper = paper_results()
    assert len(paper) == 825
    assert paper["value"].notna().all()
    assert {"4a", "4c", "XIIc", "1"} <= set(paper["table"])


def test_later_numbers_are_of_rows_that_there_are():
    rows = {(study.table, row.name) for study in SINCE_THE_PAPER for row in study.variations}
    later = since_the_paper()
    assert set(zip(later["table"], later["variant"], strict=True)) <= rows
    assert later["source"].str.len().gt(0).all()
    assert {study.table for study in SINCE_THE_PAPER} == set(later["table"])
    assert not later.duplicated(["table", "variant", "dataset", "task", "metric"]).any()


def test_later_numbers_are_the_shared_ones(pytestconfig):
    """Each value, with its source, stands in the collection that it was taken from."""
    shared = pytestconfig.rootpath.parent / "shared" / "paper" / "since_the_paper.csv"
    if not shared.exists():
        pytest.skip("../shared/paper/since_the_paper.csv is not there")
    import pandas as pd

    found = pd.read_csv(shared, keep_default_na=False)
    names = found["method"] + (", " + found["variant"]).where(found["variant"] != "", "")
    known = set(zip(names, found["dataset"], found["metric"], found["value"], found["source"], strict=True))
    later = since_the_paper()
    taken = zip(*(later[name] for name in ("published_as", "dataset", "metric", "value", "source")), strict=True)
    assert set(taken) <= known


def test_only_numbers_of_the_same_setting_stand_beside_ours():
    later, printed = since_the_paper(), printed_results()
    same = later[later["setting"] == SAME]
    assert 0 < len(same) < len(later)
    assert len(printed) == 825 + len(same)
    assert set(printed.loc[printed["table"] == "S2", "variant"]) == {
        "masked attention",
        "no query positions, mask pilots",
    }
    assert set(same["backbone"]) == {"R50"}
