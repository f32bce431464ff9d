import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ablations.planning.plan import Plan
from ablations.running.estimate import estimator, show_plan
from ablations.running.sweep import announce
from ablations.store.record_writing import add_facts
from ablations.store.runs import run_directory
from m2f.files import write_json

EXECUTOR = SimpleNamespace(slots=2, gpus=0, processes=1)


@pytest.fixture
def measure(have_done):
    """Have cells' runs done, so many seconds an iteration."""

    def done(cells, pace, processes=1, gpus=()):
        def leave(directory, cell):
            iterations = cell.run.config["train_cfg"]["max_iters"]
            return leave_facts(directory, pace * iterations, iterations, processes, gpus)

        have_done(cells, leave)

    return done


def leave_facts(directory, seconds, iterations, processes=1, gpus=()):
    """Leave what a run tells of its time; its metrics."""
    add_facts(directory, processes=processes, environment={"gpus": list(gpus)})
    write_json(directory / "timing.json", {"seconds": {"total": seconds}})
    write_json(directory / "progress.json", {"iterations": iterations})
    return {"PQ": 1.0}


def hours(store, cells, executor=EXECUTOR):
    estimate = estimator(store, executor)
    return [estimate(cell, cell.run) for cell in cells]


def test_nothing_measured_is_unknown(plan, store, tmp_path):
    assert hours(store, plan()) == [None, None]
    assert hours(tmp_path / "nowhere", plan()) == [None, None]


def test_the_same_row_tells_and_else_the_others(plan, store, measure):
    plain, masked = plan(seeds=[0])
    measure([plain], 36.0)
    assert hours(store, [plain, masked]) == pytest.approx([0.1, 0.1])
    measure([masked], 72.0)
    assert hours(store, plan(seeds=[1])) == pytest.approx([0.1, 0.2])


def test_the_median_counts_and_the_length_is_allowed_for(plan, store, measure):
    for seed, pace in enumerate((36.0, 36.0, 3600.0)):
        measure(plan(seeds=[seed])[:1], pace)
    longer = plan(seeds=[7], **{"train_cfg.max_iters": 20})[:1]
    assert hours(store, longer) == pytest.approx([0.2])


def test_runs_of_another_kind_tell_nothing(plan, store, measure):
    measure(plan(), 36.0)
    assert hours(store, plan(tasks=["semantic"])) == [None, None]
    assert hours(store, plan(**{"train_dataloader.batch_size": 4})) == [None, None]
    assert hours(store, plan(), SimpleNamespace(slots=2, gpus=0, processes=2)) == [None, None]
    assert hours(store, plan(), SimpleNamespace(slots=2, gpus=1, processes=1)) == [None, None]


def test_processes_and_gpus_of_the_measured_count(plan, store, measure):
    measure(plan(), 36.0, processes=8, gpus=["H100"] * 8)
    assert hours(store, plan(), SimpleNamespace(slots=2, gpus=8, processes=8)) == pytest.approx([0.1, 0.1])


def test_an_evaluation_is_told_by_evaluations(plan, store, evaluated_study, measure, have_done):
    (cell,) = plan(studies=[evaluated_study])
    measure([replace(cell, run=cell.training)], 36.0)
    assert hours(store, [cell]) == [None]
    have_done([cell], lambda directory, _: leave_facts(directory, 7.2, 500))
    assert hours(store, [cell]) == pytest.approx([0.002])


def test_the_plan_is_printed_and_nothing_written(plan, store, evaluated_study, study, measure, console):
    cells = plan(studies=[study, evaluated_study], seeds=[0, 1])
    measure(cells[:1], 36.0)
    before = sorted(store.rglob("*"))
    executor = SimpleNamespace(slots=2, gpus=0, processes=1)
    announce(Plan(cells), store, store.parent / "data", lambda runs: executor, console)
    lines = console.file.getvalue().splitlines()
    assert lines[0].endswith("6 cells -> 4 trainings and 2 evaluations (already done: 1)")
    assert lines[1].split() == ["run", "state", "GPUs", "hours", "for"]
    names = [name for name in Plan(cells).runs if name != cells[0].run.name]
    assert [line.split()[:4] for line in lines[2:-1]] == [
        *([name, "planned", "0", "0.10"] for name in names[:3]),
        *([name, "planned", "0", "unknown"] for name in names[3:]),
    ]
    assert lines[2].endswith("9z masked, panoptic, seed 0 (+1)")
    assert lines[-1] == (
        "5 runs to do, 2 at a time, 0 GPUs each; about 0.30 hours of runs, 0.15 from start to end; "
        "2 unknown: no run like them is done in this store. Nothing was started."
    )
    assert sorted(store.rglob("*")) == before


def test_a_plan_without_a_store_makes_none(plan, tmp_path, console):
    executor = SimpleNamespace(slots=1, gpus=1, processes=1)
    announce(Plan(plan()[:1]), tmp_path / "nowhere", tmp_path / "data", lambda runs: executor, console)
    assert "1 run to do, 1 at a time, 1 GPU each; 1 unknown" in console.file.getvalue()
    assert not (tmp_path / "nowhere").exists()


def test_nothing_to_do(plan, store, measure, console):
    cells = plan()
    measure(cells, 1.0)
    show_plan(Plan(cells), store, store.parent / "data", EXECUTOR, console)
    assert console.file.getvalue() == "Nothing to do.\n"
    assert json.loads((run_directory(store, cells[0].run.name) / "state.json").read_text())["state"] == "done"
