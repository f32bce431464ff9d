import os
import signal
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from ablations.running.executors import slurm as slurm_executor
from ablations.running.executors.slurm import job_states
from ablations.running.site_file import Slurm
from ablations.store.run_record import RunRecord
from ablations.store.runs import run_directory
from m2f.errors import InputError

pytestmark = pytest.mark.usefixtures("slurm", "quick_questions")
SITE = Slurm(partition="loopback", gpus_per_run=0, cpus_per_run=1, memory_gb=0.5, hours=0.2, jobs=4)


@pytest.fixture
def quick_questions(monkeypatch):
    monkeypatch.setattr(slurm_executor, "ASK_SECONDS", 0.5)
    monkeypatch.setattr(slurm_executor, "LAG_SECONDS", 2.0)


def directories(cells, store):
    return [run_directory(store, cell.run.name) for cell in cells]


def calls(directory):
    return [line.split() for line in (directory / "calls.txt").read_text().splitlines()]


def in_background(work, *arguments):
    results = []
    thread = threading.Thread(target=lambda: results.append(work(*arguments)))
    thread.start()
    return thread, results


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited for a minute")


def test_each_run_is_a_job_done_once(sweep, plan, store):
    cells = plan(seeds=[0, 1])
    assert sweep(cells, "slurm", replace(SITE, environment={"CUDA_VISIBLE_DEVICES": "of the site"})) == 0
    for directory in directories(cells, store):
        ((pid, _, _, *site),) = calls(directory)
        assert site == ["of", "the", "site"]
        assert RunRecord(directory).state.pid == int(pid) != os.getpid()
        assert (directory / "log.txt").read_text().startswith("training panoptic\n")
        assert RunRecord(directory).metrics["PQ"] in (40.0, 41.0)


def test_a_failed_run_has_its_reason_and_the_others_go_on(sweep, plan, store):
    cells = plan(seeds=[0, 1])
    assert sweep(cells, "slurm", SITE, "fail_with_seed_1") == 1
    states = [RunRecord(directory).state for directory in directories(cells, store)]
    assert [state.name for state in states] == ["done", "done", "failed", "failed"]
    assert states[2].reason == "RuntimeError: the loss became nan"


def test_a_killed_job_is_marked_with_what_slurm_says(sweep, plan, store):
    cells = plan()[:1]
    assert sweep(cells, "slurm", SITE, "be_killed") == 1
    state = RunRecord(directories(cells, store)[0]).state
    assert (state.name, state.kind) == ("failed", "killed")
    assert "with state FAILED" in state.reason


def test_a_job_out_of_time_goes_back_into_the_queue_and_is_finished(sweep, plan, store):
    """Slurm's warning before the time limit, sent by hand."""
    cells = plan()[:1]
    (directory,) = directories(cells, store)
    thread, results = in_background(sweep, cells, "slurm", SITE, "wait_for_release")
    wait_until(lambda: RunRecord(directory).state.name == "running")
    first, (job,) = RunRecord(directory).state.pid, job_states_of(directory)
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    wait_until(lambda: job_states()[job] in ("PENDING", "REQUEUED"))
    assert RunRecord(directory).state.name == "interrupted"
    time.sleep(3)  # until the node is done with it; of itself Slurm would wait two minutes
    subprocess.run(["scontrol", "update", f"jobid={job}", "starttime=now"], check=True)
    (directory.parent / "release").touch()
    thread.join(180)
    assert results == [0]
    assert len(calls(directory)) == 1
    assert RunRecord(directory).state.pid != first


def job_states_of(directory):
    command = ["squeue", "--noheader", "--format=%i", f"--name=m2f-{directory.name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_interruption_cancels_the_jobs(plan, store, sweep, monkeypatch):
    cells = plan()
    first, second = directories(cells, store)

    def interrupt():
        wait_until(lambda: RunRecord(first).state.name == "running")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        sweep(cells, "slurm", SITE, "wait_for_release")
    wait_until(lambda: not job_states_of(first) and not job_states_of(second))
    assert {RunRecord(first).state.name, RunRecord(second).state.name} <= {"interrupted", "planned"}
    (store / "runs" / "release").touch()
    assert sweep(cells, "slurm", SITE, "wait_for_release") == 0


def test_what_slurm_refuses_is_bad_input(sweep, plan):
    with pytest.raises(InputError, match=r"Slurm refuses a job \(error: .*partition.*\); change \[slurm\]"):
        sweep(plan(), "slurm", replace(SITE, partition="nowhere"))


def test_two_processes_share_a_run(sweep, plan, store):
    cells = plan()[:1]
    assert sweep(cells, "slurm", replace(SITE, processes_per_run=2, memory_gb=4), "join") == 0
    (directory,) = directories(cells, store)
    assert RunRecord(directory).metrics == {"PQ": 3.0}
    assert RunRecord(directory).identity["processes"] == 2
