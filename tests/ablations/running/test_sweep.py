from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ablations.planning.plan import Plan
from ablations.running.status import run_states
from ablations.running.sweep import plan_words, report_command, require_precision
from ablations.store.record_writing import write_done
from ablations.store.results_frame import COLUMNS, read_results
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run, run_directory, write_sweep
from ablations.studies.study import Variation
from m2f.errors import InputError

pytestmark = pytest.mark.usefixtures("fake_training")


def shown(console):
    text = console.file.getvalue()
    console.file.truncate(0)
    console.file.seek(0)
    return text


def test_a_sweep_from_nothing_to_results(sweep, plan, store, console, tmp_path):
    cells = plan(tasks=["panoptic", "semantic"], seeds=[0, 1])
    assert sweep(cells) == 0
    text = shown(console)
    assert text.startswith("2 rows, 2 tasks, 2 seeds: 8 cells -> 8 trainings (already done: 0)\n")
    assert "8 of 8 runs done" in text
    assert f"Next: m2f report 9z --store {store} --out report" in text
    assert (tmp_path / "data" / "scenes" / "tiny" / "manifest.json").exists()

    frame = read_results(store).frame
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 8
    first = frame.iloc[0].to_dict()
    assert first.pop("run") == cells[0].run.name
    assert first == {
        "table": "9z",
        "variant": "plain",
        "method": "Mask2Former",
        "backbone": "R50",
        "dataset": "scenes",
        "split": "val2017",
        "task": "panoptic",
        "scale": "smoke",
        "seed": 0,
        "metric": "PQ",
        "value": 40.0,
        "unit": "%",
    }
    assert sorted(frame["value"]) == [40.0] * 4 + [41.0] * 4


def test_mixed_precision_without_a_gpu_is_refused_before_anything_starts(sweep, plan, store, tmp_path, monkeypatch):
    monkeypatch.setattr("mmengine.device.get_device", lambda: "cpu")
    cells = tuple(
        replace(cell, run=replace(cell.run, config={**cell.run.config, "optim_wrapper": {"type": "AmpOptimWrapper"}}))
        for cell in plan()
    )
    with pytest.raises(InputError, match=r"optim_wrapper\.type is AmpOptimWrapper, mixed precision, which needs a GPU"):
        sweep(cells)
    assert not list(store.glob("runs/*")) and not (tmp_path / "data").exists()
    require_precision([cell.run for cell in cells], SimpleNamespace(gpus=1))


def test_what_is_done_is_skipped_and_what_failed_is_tried_again(sweep, plan, store, console):
    cells = plan(seeds=[0, 1])
    assert sweep(cells, "fail_with_seed_1") == 1
    text = shown(console)
    assert "2 of 4 runs done" in text
    assert "failed: 9z masked, panoptic, seed 1: RuntimeError: the loss became nan" in text
    assert set(read_results(store).frame["seed"]) == {0}

    assert sweep(cells) == 0
    assert "(already done: 2)" in shown(console)
    calls = [(run_directory(store, cell.run.name) / "calls.txt").read_text() for cell in cells]
    assert [len(call.splitlines()) for call in calls] == [1, 1, 1, 1]

    assert sweep(cells, "be_killed") == 0
    assert "(already done: 4)" in shown(console)


def test_equal_rows_are_trained_once_and_reported_twice(sweep, plan, store, study, console):
    again = type(study)("9x", "", "masked", study.variations, study.tasks)
    assert sweep(plan(studies=[study, again])) == 0
    assert "4 rows, 1 task, 1 seed: 4 cells -> 2 trainings (already done: 0)" in shown(console)
    assert len(list(store.glob("runs/*"))) == 2
    assert list(read_results(store).frame["table"]) == ["9z", "9z", "9x", "9x"]


def test_trainings_are_done_before_they_are_evaluated(sweep, plan, store, study, evaluated_study, console):
    """The evaluation of a training that failed fails, and both are mended by the next call."""
    cells = plan(studies=[study, evaluated_study], seeds=[0, 1])
    assert sweep(cells, "fail_with_seed_1") == 1
    text = shown(console)
    assert text.startswith("3 rows, 1 task, 2 seeds: 6 cells -> 4 trainings and 2 evaluations (already done: 0)\n")
    assert "3 of 6 runs done" in text
    by_label = {cell.label: cell for cell in cells}
    masked, failed = (by_label[f"9e masked, panoptic, seed {seed}"] for seed in (0, 1))
    assert f"failed: {failed.label}: its training {failed.training.name} is not done\n" in text
    assert "done         9e masked, panoptic, seed 0: fg_avg 0.250 after" in text
    assert (run_directory(store, masked.run.name) / "log.txt").read_text().endswith("evaluating weights of seed 0\n")
    assert RunRecord(run_directory(store, masked.run.name)).identity["source"] == masked.training.name
    assert "source" not in RunRecord(run_directory(store, masked.training.name)).identity

    frame = read_results(store).frame
    of_table = frame[frame["table"] == "9e"]
    assert of_table[["metric", "value", "unit"]].values.tolist() == [
        ["fg_avg", 0.25, "fraction"],
        ["AR100_layer0", 30.0, "%"],
    ]
    assert tuple(frame.columns) == COLUMNS

    assert sweep(cells) == 0
    assert "(already done: 3)" in shown(console)
    assert [run["state"] for run in run_states(store)] == ["done"] * 6


def test_a_training_that_no_row_shows_is_told(plan, store, evaluated_study, tmp_path):
    (cell,) = cells = plan(studies=[evaluated_study])
    words = plan_words(Plan(cells), 0)
    assert words == "1 row, 1 task, 1 seed: 1 cell -> 1 training and 1 evaluation (already done: 0)"
    write_sweep(store, cells)
    write_done(create_run(store, cell.training, tmp_path / "data"), {"PQ": 40.0})
    rows = [{"table": "9e", "variant": "masked"}]
    told = [(run["run"], run["source"], run["rows"], run["state"]) for run in run_states(store)]
    assert told == [(cell.training.name, None, rows, "done"), (cell.run.name, cell.training.name, rows, "planned")]
    assert read_results(store).frame.empty, "the training's numbers are not the row's"


def test_the_report_command_imports_the_users_modules(plan, study):
    own = Variation("own", {}, imports=("mine", "others"))
    cells = plan(studies=[replace(study, variations=(*study.variations, own))])
    command = report_command(Plan(cells), dict.fromkeys(cell.table for cell in cells), Path("runs"))
    assert command == "m2f report 9z --import mine --import others --store runs --out report"


def test_the_report_command_can_be_copied(plan):
    command = report_command(Plan(plan()), ["9z"], Path("my runs"))
    assert command == "m2f report 9z --store 'my runs' --out report"


def test_damaged_metrics_are_no_results(sweep, plan, store):
    cells = plan()
    sweep(cells)
    (run_directory(store, cells[0].run.name) / "metrics.json").write_text('{"metrics": {"PQ"')
    assert list(read_results(store).frame["variant"]) == ["masked"]


def test_bad_input_found_by_a_worker_ends_with_its_sentence(sweep, plan, console):
    with pytest.raises(InputError, match=r"^pictures/7\.png is not an image; fetch it again\.$"):
        sweep(plan(), "find_bad_image")
    assert "0 of 2 runs done" in console.file.getvalue()


def test_bad_data_start_nothing(sweep, plan, store, tmp_path):
    scenes = tmp_path / "data" / "scenes" / "tiny"
    scenes.mkdir(parents=True)
    (scenes / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=str(scenes)):
        sweep(plan())
    assert list(store.glob("runs/*")) == []
    assert [path.name for path in scenes.iterdir()] == ["thesis.txt"]


def test_state_of_a_run_without_a_directory_is_planned(store):
    assert RunRecord(run_directory(store, "0123456789abcdef")).state.name == "planned"
