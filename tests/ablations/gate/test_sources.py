import pytest

from ablations.gate.baseline_file import BaselineFile, Evidence, TableRow, write_baseline_file
from ablations.gate.measured import read_evidence
from ablations.gate.sources import read_all
from ablations.store.pack import pack
from ablations.store.results_frame import read_results
from m2f.errors import InputError

ROW = TableRow("4c", "mini", "panoptic", "SMCA")


@pytest.fixture
def baseline(tmp_path):
    path = tmp_path / "baseline.json"
    same = ROW._replace(table="baseline")
    write_baseline_file(path, BaselineFile(Evidence({(row, "PQ"): {0: 40.0, 1: 41.0} for row in (ROW, same)})))
    return path


def test_a_baseline_is_numbers_of_runs(baseline):
    found = read_all([baseline])
    lines = found.frame[found.frame["table"] == "4c"]
    assert lines["value"].tolist() == [40.0, 41.0]
    assert lines[["method", "backbone", "dataset", "split"]].drop_duplicates().values.tolist() == [
        ["Mask2Former", "R50", "scenes", "val2017"]
    ]
    assert len(found.runs) == 2, "equal numbers of a seed are one run"
    assert not any(run.recorded for run in found.runs.values())


def test_several_sources_are_one(baseline, plan, have_done, tmp_path):
    store = have_done(plan(seeds=(0, 1)), lambda _, cell: {"PQ": 40.0 + cell.run.seed})
    pack(read_results(store), tmp_path / "packed", [])
    found = read_all([baseline, tmp_path / "packed", store, store])
    assert len(found.runs) == 6 and set(found.frame["table"]) == {"4c", "baseline", "9z"}
    assert found.place == f"{baseline} and {tmp_path / 'packed'} and {store}"


def test_contradictions_are_refused(plan, have_done, tmp_path):
    store = have_done(plan(), lambda *_: {"PQ": 40.0})
    pack(read_results(store), tmp_path / "packed", [])
    frame = read_results(store).frame
    frame.assign(value=41.0).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(InputError, match="have other numbers for the run"):
        read_all([tmp_path / "packed", tmp_path / "other.csv"])
    frame.assign(run="another").to_csv(tmp_path / "another.csv", index=False)
    with pytest.raises(InputError, match="several runs of 9z 'masked'"):
        read_all([tmp_path / "packed", tmp_path / "another.csv"])


def test_a_packed_store_is_evidence_as_the_store_is(plan, have_done, tmp_path):
    store = have_done(plan(seeds=(0, 1)), lambda _, cell: {"PQ": 40.0 + cell.run.seed / 3})
    pack(read_results(store), tmp_path / "packed", [])
    assert read_evidence(tmp_path / "packed") == read_evidence(store)
