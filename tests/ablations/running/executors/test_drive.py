import json
from collections import Counter
from dataclasses import asdict

import pytest

from ablations.running.executors import Ending
from ablations.running.executors.drive import RETRIES, drive
from ablations.store import claims
from ablations.store.claims import Owner, claim
from ablations.store.record_writing import write_done, write_failed, write_running
from ablations.store.run_record import RunRecord

DIED = Ending("its node burnt")


class Scripted:
    """An executor whose workers do what a function says, at once."""

    gpus, processes = 0, 1

    def __init__(self, worker, slots=1):
        self.worker = worker
        self.slots = slots
        self.started = []
        self.stopped = []

    def warm_up(self, work):
        pass

    def start(self, directory, work):
        self.started.append(directory)
        return directory

    def ended(self, jobs, seconds):
        endings = {job: self.worker(job) for job in jobs}
        return {job: ending for job, ending in endings.items() if ending}

    def stop(self, jobs):
        self.stopped += jobs


def done(directory):
    write_done(directory, {"PQ": 1.0})
    return Ending("")


def carry_out(executor, directories, watch=lambda active: None):
    drive(executor, {directory: RunRecord(directory).state for directory in directories}, "fake:train", watch)


def test_each_run_is_started_once_in_its_order(run_directories):
    directories = run_directories(seeds=[0, 1])
    executor = Scripted(done, slots=3)
    carry_out(executor, directories)
    assert executor.started == directories
    carry_out(executor, directories)
    assert executor.started == directories


def test_where_there_is_no_room_a_run_waits(run_directories):
    directories = run_directories()
    executor = Scripted(done, slots=2)
    start, room = executor.start, iter([True, False, True])
    executor.start = lambda directory, work: start(directory, work) if next(room) else None
    carry_out(executor, directories)
    assert executor.started == directories


def test_a_death_is_the_runs_failure(run_directories):
    directories = run_directories()
    carry_out(Scripted(lambda directory: DIED), directories)
    for directory in directories:
        state = RunRecord(directory).state
        assert (state.name, state.kind, state.reason) == ("failed", "killed", "its node burnt")


def test_an_old_failure_is_not_this_ones_reason(run_directories):
    (directory, _) = run_directories()
    write_failed(directory, "the loss became nan", "error")
    carry_out(Scripted(lambda directory: DIED), [directory])
    assert RunRecord(directory).state.reason == "its node burnt"


@pytest.mark.parametrize("deaths", [1, RETRIES])
def test_a_lost_node_is_no_failure(run_directories, deaths):
    (directory, _) = run_directories()
    executor = Scripted(
        lambda directory: done(directory) if len(executor.started) > deaths else Ending("lost", again=True)
    )
    carry_out(executor, [directory])
    assert executor.started == [directory] * (deaths + 1)
    assert RunRecord(directory).state.name == "done"


def test_nodes_that_are_always_lost_are_one(run_directories):
    (directory, _) = run_directories()
    executor = Scripted(lambda directory: Ending("lost", again=True))
    carry_out(executor, [directory])
    assert executor.started == [directory] * (RETRIES + 1)
    assert (RunRecord(directory).state.name, RunRecord(directory).state.reason) == ("failed", "lost")


def test_a_run_that_others_hold_comes_again_without_a_limit(run_directories):
    directories = run_directories()
    held = Counter({directories[0]: 10})

    def worker(directory):
        if held[directory]:
            held[directory] -= 1
            return Ending("", held=True)
        return done(directory)

    executor = Scripted(worker)
    carry_out(executor, directories)
    assert Counter(executor.started) == {directories[0]: 11, directories[1]: 1}


def test_what_others_end_meanwhile_is_left_alone(run_directories):
    """A failure too, unless it is older than the sweep."""
    first, second, third, fourth = directories = run_directories(seeds=[0, 1])
    write_failed(fourth, "it was not to be", "error")

    def worker(directory):
        write_done(second, {"PQ": 1.0})
        write_failed(third, "it was not to be", "error")
        return done(directory)

    executor = Scripted(worker)
    carry_out(executor, directories)
    assert executor.started == [first, fourth]


def test_a_worker_that_died_elsewhere_is_settled_when_its_claim_has_run_out(run_directories, monkeypatch):
    """Its host cannot be asked whether the process is there, and the others are not kept waiting."""
    directories = run_directories()
    path = directories[0] / "claim.1"

    def worker(directory):
        if directory == directories[1]:
            return done(directory)
        path.write_text(json.dumps(asdict(Owner("far", "another boot", 1, "17"))))
        write_running(directory)
        return DIED

    def watch(active):
        states.append(RunRecord(directories[0]).state.name)
        if states.count("running") == 3:
            monkeypatch.setattr(claims, "DEAD_SECONDS", -1.0)

    states = []
    carry_out(Scripted(worker), directories, watch)
    assert [RunRecord(directory).state.name for directory in directories] == ["failed", "done"]
    assert RunRecord(directories[0]).state.reason == "its node burnt"


def test_an_error_stops_the_workers(run_directories):
    directories = run_directories()
    executor = Scripted(lambda directory: None, slots=2)

    def fail(active):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        carry_out(executor, directories, fail)
    assert executor.stopped == directories


def test_a_run_is_waited_for_while_another_process_has_it(run_directories):
    (directory, _) = run_directories()
    looks = []
    held = claim(directory)
    held.__enter__()
    write_running(directory)

    def watch(active):
        looks.append(directory in active)
        if len(looks) == 3:
            held.__exit__(None, None, None)

    executor = Scripted(done)
    carry_out(executor, [directory], watch)
    assert any(looks)
    assert executor.started == [directory]
