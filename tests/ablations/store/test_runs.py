import json
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mmengine import Config

from ablations.store.claims import RunHeldError, claim, is_held
from ablations.store.record_writing import write_done, write_failed, write_running
from ablations.store.run_record import RunRecord
from ablations.store.runs import (
    config_text,
    create_run,
    open_store,
    read_cells,
    require_store,
    run_directory,
    write_sweep,
)
from m2f.errors import InputError

HOLD = """
from pathlib import Path
import time
from pathlib import Path
from ablations.store.claims import claim
from ablations.store.record_writing import write_running

directory = Path(sys.argv[1])
with claim(directory):
    write_running(directory)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def directory(run_directories):
    return run_directories()[0]


def test_run_directory_holds_config_and_identity(plan, store, tmp_path):
    run = plan(seeds=[3], **{"train_cfg.max_iters": 5})[0].run
    directory = create_run(store, run, tmp_path / "data")
    assert directory == store / "runs" / run.digest[:16]
    assert Config.fromfile(directory / "config.py").to_dict() == RunRecord(directory).config == run.config
    identity = RunRecord(directory).identity
    assert identity["digest"] == run.digest
    assert (identity["task"], identity["scale"], identity["seed"]) == ("panoptic", "smoke", 3)
    assert (identity["dataset"], identity["split"]) == ("scenes", "val2017")
    assert identity["config"] == "configs/smoke/panoptic.py"
    assert identity["overrides"] == {"train_cfg.max_iters": 5}
    assert list(store.glob("runs/.*")) == []


def test_config_text_is_read_back_as_it_was(tmp_path):
    config = {"a": {"b": [1, (2, 3)], "c": None, "long": ["x" * 50] * 5}, "d": 'it\'s "quoted"\n', "e": 1e-05}
    path = tmp_path / "config.py"
    path.write_text(config_text(config))
    assert Config.fromfile(path).to_dict() == RunRecord(tmp_path).config == config


@pytest.mark.parametrize("content", [None, "a = 1\nb = [", "import os", "a = open('x')", "a.b = 1"])
def test_a_config_that_is_damaged_or_more_than_values(tmp_path, content):
    if content is not None:
        (tmp_path / "config.py").write_text(content)
    with pytest.raises(InputError, match=r"config.py cannot be read as a run's config"):
        _ = RunRecord(tmp_path).config


def test_existing_run_is_taken_with_its_new_data_directory(plan, store, tmp_path):
    run = plan()[0].run
    directory = create_run(store, run, tmp_path / "here")
    write_done(directory, {"PQ": 1.0})
    assert create_run(store, run, tmp_path / "there") == directory
    assert RunRecord(directory).identity["data_directory"] == str(tmp_path / "there")
    assert RunRecord(directory).metrics == {"PQ": 1.0}


def test_existing_run_is_taken_with_its_new_config_unless_it_is_at_work(plan, store, tmp_path):
    """Its result is the same, but it may be shown to people in another way."""
    run = plan()[0].run
    directory = create_run(store, run, tmp_path)
    shown = replace(run, config={**run.config, "visualizer": {"type": "Visualizer"}})
    with claim(directory):
        create_run(store, shown, tmp_path)
        assert "visualizer" not in Config.fromfile(directory / "config.py")
    create_run(store, shown, tmp_path)
    assert Config.fromfile(directory / "config.py").visualizer == {"type": "Visualizer"}


@pytest.mark.parametrize("content", [None, "{", json.dumps({"digest": "of another"})])
def test_foreign_directory_is_not_touched(plan, store, tmp_path, content):
    run = plan()[0].run
    directory = run_directory(store, run.name)
    directory.mkdir()
    (directory / "thesis.txt").write_text("mine")
    if content is not None:
        (directory / "run.json").write_text(content)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(InputError, match="holds something else than this run"):
        create_run(store, run, tmp_path)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_states_in_their_order(directory):
    assert RunRecord(directory).state.name == "planned"
    with claim(directory):
        write_running(directory)
        state = RunRecord(directory).state
        assert (state.name, state.reason, state.finished) == ("running", None, None)
        write_failed(directory, "the loss became nan", "error")
    failed = RunRecord(directory).state
    assert (failed.name, failed.reason, failed.kind) == ("failed", "the loss became nan", "error")
    assert failed.started == state.started <= failed.finished
    write_running(directory)
    assert RunRecord(directory).state.name == "interrupted"
    write_done(directory, {"PQ": 51.9})
    assert (RunRecord(directory).state.name, RunRecord(directory).state.reason) == ("done", None)


def test_kill_at_work_leaves_an_interrupted_run(directory, start_python):
    process = start_python(HOLD, directory)
    assert process.stdout.readline() == "held\n"
    assert (RunRecord(directory).state.name, RunRecord(directory).state.pid) == ("running", process.pid)
    with pytest.raises(RunHeldError), claim(directory, patience=0.05):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    state = RunRecord(directory).state
    assert (state.name, state.reason) == ("interrupted", "its worker is gone")
    with claim(directory):
        assert is_held(directory)
    assert not is_held(directory)


def test_a_glance_at_the_lock_does_not_keep_a_worker_from_it(directory, start_python):
    glance = """
    from pathlib import Path
    from ablations.store.claims import is_held
    print("looking", flush=True)
    while True:
        is_held(Path(sys.argv[1]))
    """
    process = start_python(glance, directory)
    process.stdout.readline()
    for _ in range(20):
        with claim(directory):
            time.sleep(0.001)


WRITE_FOREVER = """
from pathlib import Path
from ablations.store.record_writing import write_done, write_failed, write_running

directory = Path(sys.argv[1])
print("writing", flush=True)
while True:
    write_running(directory)
    write_failed(directory, "x" * 5000, "error")
    write_done(directory, {f"metric {number}": 1.0 for number in range(500)})
"""


def test_kill_while_writing_leaves_whole_files(directory, start_python):
    for _ in range(3):
        process = start_python(WRITE_FOREVER, directory)
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert json.loads((directory / "state.json").read_text())["state"] in ("running", "failed", "done")
        assert len(RunRecord(directory).metrics) == 500
        assert RunRecord(directory).state.name in ("interrupted", "failed", "done")


@pytest.mark.parametrize(
    "content",
    ['{"metrics": {"PQ": 5', "", "[]", '{"metrics": 5, "results_format": 1}', '{"results_format": 1}'],
)
def test_done_without_whole_metrics_is_not_done(directory, content):
    write_running(directory)
    write_done(directory, {"PQ": 5.0})
    assert RunRecord(directory).state.name == "done"
    (directory / "metrics.json").write_text(content)
    state = RunRecord(directory).state
    assert (state.name, state.reason) == ("interrupted", "metrics.json is missing or damaged")


@pytest.mark.parametrize("content", ['{"state": "don', "[]", "{}", '{"state": "wonderful"}'])
def test_damaged_state_counts_as_not_begun(directory, content):
    (directory / "state.json").write_text(content)
    assert RunRecord(directory).state.name == "planned"


def test_sweeps_name_each_cell_once(plan, store):
    first, both = plan(seeds=[0]), plan(seeds=[0, 1])
    assert write_sweep(store, first) == write_sweep(store, first)
    write_sweep(store, both)
    cells = read_cells(store)
    assert len(list(store.glob("sweeps/*.json"))) == 2
    assert [(cell["variant"], cell["seed"]) for cell in cells] == [
        ("plain", 0),
        ("masked", 0),
        ("plain", 1),
        ("masked", 1),
    ]
    assert [cell["run"] for cell in cells] == [cell.run.name for cell in both]


@pytest.mark.parametrize("content", ["{", "{}", '{"created": "2021", "cells": [{"table": "4c"}]}'])
def test_damaged_sweep_is_bad_input(plan, store, content):
    path = write_sweep(store, plan())
    path.write_text(content)
    with pytest.raises(InputError, match=path.name):
        read_cells(store)


def test_store_below_a_file_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"The store .* is not writable \(Not a directory\)"):
        open_store(tmp_path / "file" / "store")
    with pytest.raises(InputError, match="is not writable"):
        open_store(tmp_path / "file")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc, on which even root cannot write")
def test_store_on_a_read_only_place_is_bad_input():
    with pytest.raises(InputError, match="is not writable"):
        open_store(Path("/proc/m2f"))


def test_missing_store_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="There is no store at"):
        require_store(tmp_path / "nothing")
