import pytest

from ablations.paper import RESULTS_CSV, paper_results
from ablations.studies import STUDIES

STUDY_LIST = list(STUDIES.values())
ids = list(STUDIES)


@pytest.fixture(scope="module")
def paper():
    return paper_results()


def test_paper_results_are_the_shared_ones(paper, pytestconfig):
    shared = pytestconfig.rootpath.parent / "shared" / "paper" / "results.csv"
    if not shared.exists():
        pytest.skip("../shared/paper/results.csv is not there")
    assert RESULTS_CSV.read_bytes() == shared.read_bytes()


def test_paper_results_are_numbers(paper):
    assert len(paper) == 825
    assert paper["value"].notna().all()
    assert {"4a", "4c", "XIIc", "1"} <= set(paper["table"])


@pytest.mark.parametrize("study", STUDY_LIST, ids=ids)
def test_rows_are_those_of_the_paper(study, paper):
    rows = paper[
        (paper["table"] == study.table) & (paper["method"] == study.method) & (paper["backbone"] == study.backbone)
    ]
    assert [variation.paper_row for variation in study.variations] == list(rows["variant"].unique())
    assert set(study.tasks) == set(rows["task"])


@pytest.mark.parametrize("study", STUDY_LIST, ids=ids)
def test_baseline_is_a_row_that_changes_nothing(study):
    baseline = [variation for variation in study.variations if variation.name == study.baseline]
    assert [dict(variation.overrides) for variation in baseline] == [{}]


@pytest.mark.parametrize("study", STUDY_LIST, ids=ids)
def test_every_row_has_a_provenance_with_its_reason(study):
    for variation in study.variations:
        assert variation.provenance in ("exact", "inferred", "unspecified")
        assert variation.reason.endswith(".")
