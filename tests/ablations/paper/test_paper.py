import pytest

from ablations.paper import RESULTS_CSV, paper_results


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
