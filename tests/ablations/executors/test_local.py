import os
import signal
import time

import pytest

from ablations.environment import available_cores
from ablations.executors.local import run_local
from ablations.store import claim, read_state, write_done, write_failed, write_running

pytestmark = pytest.mark.usefixtures("fake_training")


def ignore():
    pass


def calls(directory):
    """(pid, threads, resume, GPUs) of each training that was begun in a run directory."""
    path = directory / "calls.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_each_run_is_done_once_in_a_process_of_its_own(run_directories):
    directories = run_directories(seeds=[0, 1])
    looks = []
    run_local(directories, 2, lambda: looks.append(1), "fake_training:train")
    assert [read_state(directory).name for directory in directories] == ["done"] * 4
    assert len({call[0] for directory in directories for call in calls(directory)}) == 4
    assert (directories[0] / "log.txt").read_text() == "training panoptic\n"
    assert looks


def test_runs_at_a_time_have_a_gpu_each(run_directories, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    directories = run_directories()
    run_local(directories, 2, ignore, "fake_training:train")
    assert sorted(calls(directory)[0][3] for directory in directories) == ["5", "7"]


def test_the_others_go_on_when_one_fails(run_directories):
    directories = run_directories(seeds=[0, 1])
    run_local(directories, 1, ignore, "fake_training:fail_with_seed_1")
    states = [read_state(directory) for directory in directories]
    assert [state.name for state in states] == ["done", "done", "failed", "failed"]
    assert states[3].reason == "RuntimeError: the loss became nan"
    assert "Traceback" in (directories[3] / "log.txt").read_text()


def test_a_killed_run_is_marked_with_its_signal(run_directories):
    directory = run_directories()[0]
    run_local([directory], 1, ignore, "fake_training:be_killed")
    state = read_state(directory)
    assert (state.name, state.kind) == ("failed", "killed")
    assert state.reason.startswith("killed by signal 9 (SIGKILL)")


def test_at_most_so_many_run_at_a_time(run_directories):
    directories = run_directories(seeds=[0, 1, 2])
    at_a_time = []

    def watch():
        at_a_time.append(sum(read_state(directory).name == "running" for directory in directories))
        if max(at_a_time) == 2:
            (directories[0].parent / "release").touch()

    run_local(directories, 2, watch, "fake_training:wait_for_release")
    assert max(at_a_time) == 2
    assert all(read_state(directory).name == "done" for directory in directories)


@pytest.mark.parametrize("ending", ["done", "failed", "died"])
def test_a_run_that_another_worker_holds_is_waited_for(run_directories, ending):
    """Done or failed elsewhere is over; what the other worker dropped is taken up."""
    directories = run_directories()
    lock = claim(directories[0])
    lock.__enter__()
    write_running(directories[0])
    looks = []

    def watch():
        looks.append(read_state(directories[1]).name)
        if looks[-1] == "done" and len(looks) > 2 and lock is not None:
            let_go()

    def let_go():
        nonlocal lock
        if ending == "done":
            write_done(directories[0], {"PQ": 1.0})
        elif ending == "failed":
            write_failed(directories[0], "it was not to be", "error")
        lock.__exit__(None, None, None)
        lock = None

    run_local(directories, 2, watch, "fake_training:train")
    assert read_state(directories[0]).name == ("failed" if ending == "failed" else "done")
    assert len(calls(directories[0])) == (1 if ending == "died" else 0)
    assert len(calls(directories[1])) == 1


def test_interruption_stops_the_runs_and_a_second_call_goes_on(run_directories):
    directories = run_directories()

    def interrupt():
        if read_state(directories[0]).name == "running":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_local(directories, 1, interrupt, "fake_training:wait_for_release")
    assert [read_state(directory).name for directory in directories] == ["interrupted", "planned"]
    run_local(directories, 1, ignore, "fake_training:train")
    assert [read_state(directory).name for directory in directories] == ["done", "done"]
    assert calls(directories[0])[-1][2] == "True"


ORCHESTRATE = """
from pathlib import Path
import click
from ablations.cli import Commands
from ablations.executors.local import run_local

@click.group(cls=Commands)
def main():
    pass

@main.command()
@click.argument("training")
@click.argument("jobs", type=int)
@click.argument("directories", nargs=-1, type=click.Path(path_type=Path))
def run(training, jobs, directories):
    run_local(directories, jobs, lambda: None, f"fake_training:{training}")

if __name__ == "__main__":
    main()
"""


def wait_until(condition):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for 20 seconds")


@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_are_shared(run_directories, start_python, jobs):
    directories = run_directories()
    process = start_python(ORCHESTRATE, "run", "train", jobs, *directories)
    assert process.wait(60) == 0
    share = str(max(available_cores() // jobs, 1))
    assert [calls(directory)[0][1] for directory in directories] == [share, share]


def test_ctrl_c_says_how_to_go_on(run_directories, start_python):
    directories = run_directories()
    process = start_python(ORCHESTRATE, "run", "wait_for_release", 1, *directories)
    wait_until(lambda: read_state(directories[0]).name == "running")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "Stopped. What is done is kept: the same command goes on from here.\n"
    assert [read_state(directory).name for directory in directories] == ["interrupted", "planned"]


def test_killed_orchestrator_leaves_its_run_to_end_and_another_waits_for_it(run_directories, start_python):
    directories = run_directories()
    first = start_python(ORCHESTRATE, "run", "wait_for_release", 1, *directories)
    wait_until(lambda: read_state(directories[0]).name == "running")
    first.kill()
    first.wait()
    assert read_state(directories[0]).name == "running"
    second = start_python(ORCHESTRATE, "run", "wait_for_release", 1, *directories)
    wait_until(lambda: read_state(directories[1]).name == "running")
    (directories[0].parent / "release").touch()
    assert second.wait(30) == 0
    assert [read_state(directory).name for directory in directories] == ["done", "done"]
    assert [len(calls(directory)) for directory in directories] == [1, 1]
