"""Faults of real processes, disks and files: what ``m2f status`` says afterwards, and that the same command goes on.

A checkpoint that was cut is in ``tests/m2f/engine/test_resume.py`` too, a node that is lost in the middle of a sweep in
``clusters/test_ray.py``.
"""

import json
import os
import pickle
import re
import signal
import subprocess
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.planning.plan import Plan, make_plan
from ablations.planning.scales import chosen_scale
from ablations.running.worker import EVALUATION, TRAINING, execute
from ablations.store import claims
from ablations.store.claims import Owner
from ablations.store.record_writing import write_running
from ablations.store.run_record import RunRecord
from ablations.store.runs import run_directory, write_sweep
from ablations.studies import STUDIES
from m2f.errors import InputError

ORCHESTRATOR = """
import pickle
from functools import partial
from pathlib import Path
import click
from rich.console import Console
from ablations.cli import AllCommands
from ablations.running.executors import make_executor
from ablations.running.site_file import Local
from ablations.running.sweep import carry_out, summarise

@click.group(cls=AllCommands)
def main():
    pass

@main.command()
@click.argument("plan", type=Path)
@click.argument("store", type=Path)
@click.argument("training")
@click.argument("jobs", type=int)
def run(plan, store, training, jobs):
    data, plan, console = plan.parent / "data", pickle.loads(plan.read_bytes()), Console(width=200)
    executor = partial(make_executor, "local", Local(jobs=jobs))
    states = carry_out(plan, store, data, executor, console, f"fake_training:{training}")
    sys.exit(summarise(plan, states, store, console))

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def orchestrate(start_python, store, tmp_path, fake_training):
    """Start an orchestrator of its own on a plan."""

    def start(cells, training, jobs):
        (tmp_path / "plan.pickle").write_bytes(pickle.dumps(Plan(tuple(cells))))
        return start_python(ORCHESTRATOR, "run", tmp_path / "plan.pickle", store, training, jobs)

    return start


def status(store):
    """What ``m2f status --json`` says of each run."""
    result = CliRunner().invoke(main, ["status", "--store", str(store), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    runs = json.loads(result.output)
    table = CliRunner().invoke(main, ["status", "--store", str(store)], catch_exceptions=False).output
    assert all(f"  {run['state']}" in table and (run["reason"] or "") in table for run in runs)
    return [(run["state"], run["reason"]) for run in runs]


def directories(cells, store):
    return [run_directory(store, cell.run.name) for cell in cells]


def trainings(directory):
    """How often a run was trained to the end."""
    path = directory / "calls.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for 30 seconds")


DONE = ("done", None)
PLANNED = ("planned", None)
GONE = ("interrupted", "its worker is gone")
OUT_OF_MEMORY = ("failed", "killed by signal 9 (SIGKILL), as the system does when memory runs out")


@pytest.fixture
def memory_limit(store):
    """A control group with 256 MiB, for the processes that write themselves into it."""
    group = Path("/sys/fs/cgroup/memory")
    names = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    if not group.is_dir():
        group, names = group.parent, ("memory.max", "memory.swap.max")
    group /= f"m2f-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / names[0]).write_text(str(256 << 20))
    except OSError as error:
        pytest.skip(f"a control group with a memory limit cannot be made here: {error}")
    if (group / names[1]).exists():
        (group / names[1]).write_text(str(256 << 20) if "memsw" in names[1] else "0")
    (store / "runs" / "group").write_text(str(group / "cgroup.procs"))
    yield
    group.rmdir()


def assert_only_seed_1_is_lost_and_mended(sweep, plan, store, training):
    """The others go on when runs are killed; the next sweep does what is left and no more."""
    cells = plan(seeds=[0, 1])
    assert sweep(cells, training) == 1
    assert status(store) == [DONE, DONE, OUT_OF_MEMORY, OUT_OF_MEMORY]
    assert sweep(cells) == 0
    assert status(store) == [DONE] * 4
    runs = directories(cells, store)
    assert [trainings(directory) for directory in runs] == [1] * 4
    assert [RunRecord(directory).metrics["PQ"] for directory in runs] == [40.0, 40.0, 41.0, 41.0]


def test_kill_of_a_training(sweep, plan, store):
    assert_only_seed_1_is_lost_and_mended(sweep, plan, store, "be_killed_with_seed_1")


def test_memory_runs_out(sweep, plan, store, memory_limit):
    """Killed by the kernel, which allows the runs with seed 1 only 256 MiB."""
    assert_only_seed_1_is_lost_and_mended(sweep, plan, store, "fill_memory_with_seed_1")


def test_kill_of_the_orchestrator_and_of_a_training_of_its(orchestrate, sweep, plan, store):
    """The training that was not killed ends by itself and is waited for; the others are done by the next sweep."""
    cells = plan(seeds=[0, 1])[:3]
    killed, left, planned = directories(cells, store)
    orchestrator = orchestrate(cells, "wait_for_release", 2)
    wait_until(lambda: [RunRecord(directory).state.name for directory in (killed, left)] == ["running"] * 2)
    orchestrator.kill()
    orchestrator.wait()
    assert status(store) == [("running", None), ("running", None), PLANNED]
    os.kill(RunRecord(killed).state.pid, signal.SIGKILL)
    wait_until(lambda: status(store) == [GONE, ("running", None), PLANNED])
    worker = RunRecord(left).state.pid

    def release_the_last():
        wait_until(lambda: RunRecord(planned).state.name == "done")
        (store / "runs" / "release").touch()

    thread = threading.Thread(target=release_the_last)
    thread.start()
    assert sweep(cells) == 0
    thread.join()
    assert status(store) == [DONE] * 3
    assert [trainings(directory) for directory in (killed, left, planned)] == [1] * 3
    assert RunRecord(left).state.pid == worker


def test_interruption(orchestrate, sweep, plan, store):
    cells = plan()
    first = run_directory(store, cells[0].run.name)
    orchestrator = orchestrate(cells, "wait_for_release", 1)
    wait_until(lambda: RunRecord(first).state.name == "running")
    os.killpg(orchestrator.pid, signal.SIGINT)
    _, errors = orchestrator.communicate(timeout=30)
    assert orchestrator.returncode == 130, errors
    assert errors == "Stopped. What is done is kept: the same command goes on from here.\n"
    assert status(store) == [GONE, PLANNED]
    assert sweep(cells) == 0
    assert status(store) == [DONE, DONE]


def test_two_orchestrators_do_each_run_once(orchestrate, sweep, plan, store):
    cells = plan(seeds=range(15))
    other = orchestrate(cells, "train", 2)
    wait_until(lambda: RunRecord(directories(cells, store)[0]).state.name != "planned")
    assert sweep(cells) == 0
    _, errors = other.communicate(timeout=60)
    assert other.returncode == 0, errors
    assert status(store) == [DONE] * 30
    assert [trainings(directory) for directory in directories(cells, store)] == [1] * 30


@pytest.fixture
def small_disk(store):
    """The store on a file system of its own of 1.5 MiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(store)]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    (store / "runs").mkdir()
    (store / "sweeps").mkdir()
    yield
    subprocess.run(["umount", str(store)], check=True)


def test_full_disk(small_disk, sweep, plan, store):
    cells = plan(seeds=[0, 1])
    with pytest.raises(InputError, match=rf"The store {store} can no longer be written \(No space left on device\)"):
        sweep(cells, "fill_disk", jobs=1)
    stopped = status(store)
    assert stopped == [DONE, GONE, PLANNED, PLANNED]
    subprocess.run(["mount", "-o", "remount,size=16m", str(store)], check=True)
    assert status(store) == stopped
    assert sweep(cells, "fill_disk") == 0
    assert status(store) == [DONE] * 4
    assert [trainings(directory) for directory in directories(cells, store)] == [1] * 4


def test_strangers_files(sweep, plan, store):
    """They are neither touched nor taken for ours."""
    cells = plan()
    strangers = {"runs/notes.txt", "runs/0123456789abcdef/thesis.tex", "sweeps/plan.json", "sweeps/old/a.json", "b"}
    for name in strangers:
        (store / name).parent.mkdir(exist_ok=True)
        (store / name).write_text('{"created": "mine"}')
    assert sweep(cells) == 0
    assert status(store) == [DONE, DONE]
    assert {(store / name).read_text() for name in strangers} == {'{"created": "mine"}'}


def test_a_strangers_directory_in_a_runs_place_starts_nothing(sweep, plan, store):
    cells = plan()
    first, second = directories(cells, store)
    second.mkdir()
    (second / "state.json").write_text('{"state": "of New York"}')
    with pytest.raises(InputError, match=f"{second} holds something else than this run; move it away"):
        sweep(cells)
    assert not first.exists() and [path.name for path in second.iterdir()] == ["state.json"]
    assert status(store) == []


def test_an_older_versions_runs_are_kept_apart(sweep, plan, store, monkeypatch):
    """Results that cannot be compared any more are neither shown as done nor taken for this version's."""
    older = plan()
    sweep(older)
    for module in ("planning.plan", "store.record_writing", "store.run_record", "store.runs"):
        monkeypatch.setattr(f"ablations.{module}.RESULTS_FORMAT_VERSION", 2)
    outdated = ("interrupted", "metrics.json is of results format 1, this version of m2f writes 2")
    assert status(store) == [outdated] * 2
    before = {path: path.read_bytes() for path in store.glob("runs/*/*") if path.is_file()}
    newer = plan()
    write_sweep(store, newer)
    assert status(store) == [outdated] * 2 + [PLANNED] * 2
    assert not {cell.run.name for cell in newer} & {cell.run.name for cell in older}
    assert {path: path.read_bytes() for path in store.glob("runs/*/*") if path.is_file()} == before


def test_a_worker_whose_host_vanishes(run_directories, plan, store, monkeypatch, fake_training):
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.05)
    cells = plan()[:1]
    write_sweep(store, cells)
    directory = run_directories()[0]
    claim = directory / "claim.1"
    claim.write_text(json.dumps(asdict(Owner("far", "another boot", 1, "17"))))
    write_running(directory)
    assert status(store) == [("running", None)]
    os.utime(claim, times=(time.time() - claims.DEAD_SECONDS - 1,) * 2)
    assert status(store) == [GONE]
    assert execute(directory, "fake_training:train") == 0
    assert status(store) == [DONE]


@pytest.fixture
def real_sweep(sweep, tmp_path):
    """Carry out a row of Table 4(c) at the smallest scale with the real training; its cells and the exit code."""

    def run(**overrides):
        smoke = chosen_scale("smoke")
        cells = make_plan([STUDIES["4c"]], smoke, ["panoptic"], [0], overrides, tmp_path / "data").cells[-1:]
        return cells, sweep(cells, TRAINING, EVALUATION)

    return run


def test_the_loss_is_not_a_number(real_sweep, store):
    (cell,), code = real_sweep(**{"optim_wrapper.optimizer.lr": 1e30})
    assert code == 1
    ((state, reason),) = status(store)
    assert state == "failed"
    assert re.fullmatch(r"DivergenceError: the loss became (nan|inf) at iteration 2 of 4", reason)
    assert not (run_directory(store, cell.run.name) / "metrics.json").exists()


def test_a_checkpoint_is_cut_in_half(real_sweep, store):
    """The worker was killed at the end, and what it wrote last did not reach the disk."""
    (cell,), _ = real_sweep()
    directory = run_directory(store, cell.run.name)
    metrics = RunRecord(directory).metrics
    write_running(directory)
    (directory / "metrics.json").unlink()
    newest = directory / "iter_4.pth"
    os.truncate(newest, newest.stat().st_size // 2)
    assert status(store) == [GONE]
    assert real_sweep()[1] == 0
    assert status(store) == [DONE]
    assert RunRecord(directory).metrics == metrics
    log = (directory / "log.txt").read_text()
    assert f"{newest} is damaged" in log and "Going on from iteration 2, of the newest whole checkpoint" in log
