import shutil
from dataclasses import replace

import pytest

from ablations.store.record_writing import write_failed
from ablations.store.results_frame import COLUMNS, joined, one_run_each, read_results, require_one_run_per_seed
from ablations.store.runs import run_directory
from ablations.studies import STUDIES
from ablations.studies.study import Evaluation
from m2f.errors import InputError


def test_an_empty_store_has_an_empty_frame(store):
    frame = read_results(store).frame
    assert frame.empty
    assert tuple(frame.columns) == COLUMNS


def test_two_runs_of_a_row_and_seed(plan, have_done):
    frame = read_results(have_done(plan(), lambda *_: {"PQ": 40.0, "fg_avg": 0.5})).frame
    require_one_run_per_seed(frame, "here")
    twice = frame.assign(variant="masked")
    with pytest.raises(InputError, match=r"^here holds several runs of 9z 'masked' \(panoptic, smoke\), seed 0"):
        require_one_run_per_seed(twice, "here")
    other_value = frame[frame["variant"] == "masked"]
    other_value = other_value.assign(value=other_value["value"] + 1)
    with pytest.raises(InputError, match="several runs"):
        require_one_run_per_seed(frame.merge(other_value, how="outer"), "here")


def test_a_row_may_have_a_run_that_adds_a_metric(plan, study, have_done):
    """Each metric has one run, and the row's own is its training, in whatever order a store has the two."""
    again = replace(study, evaluation=Evaluation({}, adds="mIoU_ms"))
    cells = plan(tasks=["semantic"], studies=[again])
    found = read_results(have_done(cells, lambda _, cell: {"mIoU_ms" if cell.run.source else "mIoU": 40.0}))
    require_one_run_per_seed(found.frame, "here")
    trainings = [cell.run.name for cell in cells if cell.run.source is None]
    for frame in (found.frame, found.frame[::-1].reset_index(drop=True)):
        own = one_run_each(frame, found.runs)
        assert sorted(own["run"]) == sorted(trainings) and set(own["metric"]) == {"mIoU"}


def test_what_trainings_measure_is_no_number_of_a_test_servers_table(plan, study, have_done, monkeypatch):
    judged = replace(study, table="9j", submission="--submission coco-panoptic")
    monkeypatch.setitem(STUDIES, "9j", judged)
    frame = read_results(have_done(plan(studies=[study, judged]), lambda *_: {"PQ": 40.0})).frame
    assert set(frame["table"]) == {"9z"} and len(frame) == 2


def test_seeds_whose_run_failed_are_told_since_the_mean_of_the_others_hides_them(plan, have_done, tmp_path):
    cells = plan(seeds=[0, 1])
    store = have_done(cells, lambda *_: {"PQ": 40.0})
    name = cells[0].run.name
    whole = shutil.copytree(store, tmp_path / "whole")
    write_failed(run_directory(store, name), "the loss is not\nfinite", "error")
    (run_directory(store, name) / "metrics.json").unlink()
    found = read_results(store)
    assert name not in found.runs
    (sentence,) = found.left_out()
    row = f"9z '{cells[0].variant}' (panoptic, smoke), seed {cells[0].run.seed}"
    assert sentence == f"Left out: {row}, failed: the loss is not\\nfinite; `m2f status --failed` names its log."
    assert found.left_out(["9z"]) == (sentence,) and found.left_out(["4c"]) == ()
    assert joined([found, read_results(whole)]).left_out() == (), "another store has it"
