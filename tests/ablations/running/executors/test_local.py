import os

import pytest

from ablations.running.environment import available_cores
from ablations.running.executors import local
from ablations.running.executors.drive import drive
from ablations.running.executors.local import LocalExecutor
from ablations.running.site_file import Local
from ablations.store.claims import claim
from ablations.store.record_writing import write_done, write_failed, write_running
from ablations.store.run_record import RunRecord
from m2f.errors import InputError

pytestmark = pytest.mark.usefixtures("fake_training")


def ignore(active):
    pass


def run_local(directories, jobs, watch, work, **options):
    executor = LocalExecutor(Local(jobs=jobs, **options), len(directories))
    executor.warm_up(work)
    drive(executor, {directory: RunRecord(directory).state for directory in directories}, work, watch)


def calls(directory):
    """(pid, threads, resume, GPUs) of each training that was begun in a run directory."""
    path = directory / "calls.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_each_run_is_done_once_in_a_process_of_its_own(run_directories):
    directories = run_directories(seeds=[0, 1])
    looks = []
    run_local(directories, 2, looks.append, "fake_training:train")
    assert [RunRecord(directory).state.name for directory in directories] == ["done"] * 4
    assert len({call[0] for directory in directories for call in calls(directory)}) == 4
    assert (directories[0] / "log.txt").read_text() == "training panoptic\n"
    assert looks


def test_runs_at_a_time_have_a_gpu_each(run_directories, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    directories = run_directories()
    run_local(directories, 2, ignore, "fake_training:train")
    assert sorted(calls(directory)[0][3] for directory in directories) == ["5", "7"]


def test_a_run_is_begun_with_its_gpus(run_directories, monkeypatch):
    """It cannot be forked: mmengine asks for CUDA as it is imported, after which no fork can use a GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    directories = run_directories()
    run_local(directories, 2, ignore, "fake_training:tell_birth")
    assert sorted((directory / "birth.txt").read_text() for directory in directories) == ["5", "7"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,7"


def test_a_run_with_several_gpus_has_them_to_itself(run_directories, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,9")
    executor = LocalExecutor(Local(gpus_per_run=2, processes_per_run=1), 9)
    assert (executor.gpus, executor.slots) == (2, 2)
    directories = run_directories(seeds=[0, 1])
    run_local(directories, 2, ignore, "fake_training:train", gpus_per_run=2, processes_per_run=1)
    assert {calls(directory)[0][3] for directory in directories} == {"4,5", "6,7"}


def test_a_run_without_gpus_sees_none(run_directories, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    directories = run_directories()
    run_local(directories, 2, ignore, "fake_training:train", gpus_per_run=0)
    assert [len(calls(directory)[0]) for directory in directories] == [3, 3]


def test_more_gpus_than_there_are_is_bad_input(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    with pytest.raises(InputError, match="gpus_per_run is 4 but this machine shows 2 GPUs"):
        LocalExecutor(Local(gpus_per_run=4), 1)


@pytest.mark.parametrize(
    ("cores", "gpus", "options", "runs", "slots", "processes"),
    [
        (8, [], {}, 1, 1, 1),
        (8, [], {}, 12, 2, 1),
        (1, [], {}, 12, 1, 1),
        (8, ["0", "1", "2"], {}, 12, 3, 1),
        (8, ["0", "1", "2"], {"gpus_per_run": 2}, 12, 1, 2),
        (8, ["0", "1", "2"], {"gpus_per_run": 0}, 12, 2, 1),
        (8, [], {"jobs": 5}, 12, 5, 1),
    ],
)
def test_runs_at_a_time(monkeypatch, cores, gpus, options, runs, slots, processes):
    monkeypatch.setattr(local, "available_cores", lambda: cores)
    monkeypatch.setattr(local, "visible_gpus", lambda: gpus)
    executor = LocalExecutor(Local(**options), runs)
    assert (executor.slots, executor.processes) == (slots, processes)


def test_two_processes_share_a_run(run_directories):
    (directory, _) = run_directories()
    run_local([directory], 1, ignore, "fake_training:join", processes_per_run=2)
    assert RunRecord(directory).metrics == {"PQ": 3.0}
    assert RunRecord(directory).identity["processes"] == 2


def test_the_others_go_on_when_one_fails(run_directories):
    directories = run_directories(seeds=[0, 1])
    run_local(directories, 1, ignore, "fake_training:fail_with_seed_1")
    states = [RunRecord(directory).state for directory in directories]
    assert [state.name for state in states] == ["done", "done", "failed", "failed"]
    assert states[3].reason == "RuntimeError: the loss became nan"
    assert "Traceback" in (directories[3] / "log.txt").read_text()


def test_at_most_so_many_run_at_a_time(run_directories):
    directories = run_directories(seeds=[0, 1, 2])
    at_a_time = []

    def watch(active):
        at_a_time.append(sum(RunRecord(directory).state.name == "running" for directory in directories))
        if max(at_a_time) == 2:
            (directories[0].parent / "release").touch()

    run_local(directories, 2, watch, "fake_training:wait_for_release")
    assert max(at_a_time) == 2
    assert all(RunRecord(directory).state.name == "done" for directory in directories)


@pytest.mark.parametrize("ending", ["done", "failed", "died"])
def test_a_run_that_another_worker_holds_is_waited_for(run_directories, ending):
    """Done or failed elsewhere is over; what the other worker dropped is taken up."""
    directories = run_directories()
    lock = claim(directories[0])
    lock.__enter__()
    write_running(directories[0])
    looks = []

    def watch(active):
        looks.append(RunRecord(directories[1]).state.name)
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
    assert RunRecord(directories[0]).state.name == ("failed" if ending == "failed" else "done")
    assert len(calls(directories[0])) == (1 if ending == "died" else 0)
    assert len(calls(directories[1])) == 1


def test_interruption_stops_the_runs_and_a_second_call_goes_on(run_directories):
    directories = run_directories()

    def interrupt(active):
        if RunRecord(directories[0]).state.name == "running":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_local(directories, 1, interrupt, "fake_training:wait_for_release")
    assert [RunRecord(directory).state.name for directory in directories] == ["interrupted", "planned"]
    run_local(directories, 1, ignore, "fake_training:train")
    assert [RunRecord(directory).state.name for directory in directories] == ["done", "done"]
    assert calls(directories[0])[-1][2] == "True"


ORCHESTRATE = """
from pathlib import Path
from ablations.running.executors.drive import drive
from ablations.running.executors.local import LocalExecutor
from ablations.running.site_file import Local
from ablations.store.run_record import RunRecord

if __name__ == "__main__":
    jobs, directories = int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    executor = LocalExecutor(Local(jobs), len(directories))
    executor.warm_up("fake_training:train")
    before = {directory: RunRecord(directory).state for directory in directories}
    drive(executor, before, "fake_training:train", lambda active: None)
"""


def test_threads_are_shared(run_directories, start_python):
    orchestrators = {}
    for jobs in (1, 2):
        directories = run_directories(seeds=[jobs])
        orchestrators[jobs] = start_python(ORCHESTRATE, jobs, *directories), directories
    for jobs, (process, directories) in orchestrators.items():
        assert process.wait(120) == 0
        share = str(max(available_cores() // jobs, 1))
        assert [calls(directory)[0][1] for directory in directories] == [share, share]
