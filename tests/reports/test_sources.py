"""A report of what a store has been packed into, and of numbers alone."""

import pandas as pd
import pytest

from ablations.reports.build import build
from ablations.store.pack import pack
from ablations.store.results_frame import read_results
from ablations.studies import STUDIES


@pytest.fixture(scope="module", autouse=True)
def study(section):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "4c", section.study)
        yield


def test_a_packed_store_gives_the_report_of_the_store(store, built, tmp_path):
    packed = tmp_path / "packed"
    pack(read_results(store), packed, ["4c"])
    files = build(packed, [], tmp_path / "report")
    assert files["html"].read_text() == built["html"].read_text()
    assert files["comparison"].read_bytes() == built["comparison"].read_bytes()


def test_numbers_alone_give_a_report_without_curves_and_machines(store, built, tmp_path):
    files = build([built["results"]], [], tmp_path / "report")
    assert files["comparison"].read_bytes() == built["comparison"].read_bytes()
    text = files["markdown"].read_text()
    assert text.count("not recorded by these runs") >= 4 and "A processor" not in text
    assert not list((tmp_path / "report" / "figures").glob("*convergence*"))
    pd.testing.assert_frame_equal(pd.read_csv(files["results"]), pd.read_csv(built["results"]))
