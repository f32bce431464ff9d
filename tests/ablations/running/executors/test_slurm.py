"""What the executor makes of Slurm's answers; with a real Slurm: ``tests/ablations/clusters``."""

import re
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from submitit.core.utils import FailedJobError

from ablations.running.executors import slurm
from ablations.running.executors.slurm import SlurmExecutor, job_states
from ablations.running.site_file import Slurm
from ablations.store.claims import HELD
from m2f.engine.stopping import WARNINGS
from m2f.errors import InputError


class Job:
    def __init__(self, job_id, result=None, folder=Path("/nowhere")):
        self.job_id = job_id
        self.paths = SimpleNamespace(
            result_pickle=SimpleNamespace(exists=lambda: result is not None), stdout=folder / f"{job_id}.out"
        )
        self.result = lambda: result


@pytest.fixture
def clock(monkeypatch):
    """Time goes by when it is slept."""
    now = SimpleNamespace(seconds=100.0)

    def sleep(seconds):
        now.seconds += seconds

    monkeypatch.setattr(slurm.time, "sleep", sleep)
    monkeypatch.setattr(slurm.time, "monotonic", lambda: now.seconds)
    return now


def test_parameters_are_the_sites_and_nothing_else_is_asked_for():
    executor = SlurmExecutor(Slurm(partition="gpu", gpus_per_run=8, memory_gb=1.5, hours=2.5), 3)
    parameters = executor._parameters("0123")
    assert parameters == {
        "job_name": "m2f-0123",
        "partition": "gpu",
        "gpus_per_node": 8,
        "cpus_per_task": 32,
        "mem": "1536MB",
        "time": 150,
        "signal_delay_s": 120,
        "srun_args": ["--cpus-per-task=32"],
        "stderr_to_stdout": True,
    }
    assert (executor.slots, executor.gpus, executor.processes) == (3, 8, 8)
    assert "gpus_per_node" not in SlurmExecutor(Slurm(gpus_per_run=0), 1)._parameters("0123")
    assert SlurmExecutor(Slurm(hours=0.01), 1)._parameters("0123")["signal_delay_s"] == 30


def test_a_job_asks_for_a_warning_before_its_time_is_up(tmp_path, monkeypatch):
    """By a signal that a training meets with a checkpoint; srun's processes get it, since no 'B:' is before it."""
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\necho Submitted batch job 7\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert SlurmExecutor(Slurm(hours=2), 1).start(tmp_path / "run", "fake:train").job_id == "7"
    script = next((tmp_path / "run" / "slurm").glob("*.sh")).read_text()
    (asked,) = re.findall(r"^#SBATCH --signal=(\w+)@120$", script, re.MULTILINE)
    assert getattr(signal, f"SIG{asked}") in WARNINGS


def test_results_are_endings(clock, monkeypatch):
    monkeypatch.setattr(slurm, "job_states", lambda: {"3": "RUNNING"})
    done, held, running = Job("1", 0), Job("2", HELD), Job("3")
    endings = SlurmExecutor(Slurm(), 3).ended([done, held, running], 0.25)
    assert endings.keys() == {done, held}
    assert (endings[done].held, endings[held].held) == (False, True)


@pytest.mark.parametrize(
    ("state", "again", "words"),
    [
        ("TIMEOUT", False, "raise hours"),
        ("OUT_OF_MEMORY", False, "raise memory_gb"),
        ("NODE_FAIL", True, "state NODE_FAIL"),
        ("PREEMPTED", True, "state PREEMPTED"),
        ("CANCELLED", False, "state CANCELLED"),
        ("", True, "no longer knows its job 7"),
    ],
)
def test_a_job_without_a_result_is_dead_after_a_while(clock, monkeypatch, state, again, words):
    monkeypatch.setattr(slurm, "job_states", lambda: {"7": state} if state else {})
    executor, job = SlurmExecutor(Slurm(), 1), Job("7")
    assert executor.ended([job], 10.0) == {}
    assert executor.ended([job], 10.0) == {}
    (ending,) = executor.ended([job], 10.0).values()
    assert (ending.again, ending.held) == (again, False)
    assert words in ending.reason


@pytest.mark.parametrize("states", [{"7": "PENDING"}, {"7": "CONFIGURING"}, {"7": "COMPLETING"}, None])
def test_a_job_in_any_other_state_lives(clock, monkeypatch, states):
    monkeypatch.setattr(slurm, "job_states", lambda: states)
    executor = SlurmExecutor(Slurm(), 1)
    assert [executor.ended([Job("7")], 20.0) for _ in range(5)] == [{}] * 5


def test_a_job_that_came_back_is_not_dead(clock, monkeypatch):
    states = iter(["FAILED", "PENDING", "FAILED", "FAILED"])
    monkeypatch.setattr(slurm, "job_states", lambda: {"7": next(states)})
    executor, job = SlurmExecutor(Slurm(), 1), Job("7")
    assert [bool(executor.ended([job], 20.0)) for _ in range(4)] == [False, False, False, True]


def test_slurm_is_asked_now_and_then(clock, monkeypatch):
    asked = []
    monkeypatch.setattr(slurm, "job_states", lambda: asked.append(1) or {"7": "RUNNING"})
    executor = SlurmExecutor(Slurm(), 1)
    for _ in range(100):
        executor.ended([Job("7")], 0.25)
    assert 4 <= len(asked) <= 6


def test_the_answer_of_squeue(monkeypatch):
    answers = iter([(0, "17|RUNNING\n18|PENDING\n"), (0, ""), (1, "")])

    def run(command, **options):
        code, text = next(answers)
        return subprocess.CompletedProcess(command, code, text, "")

    monkeypatch.setattr(slurm.subprocess, "run", run)
    assert [job_states() for _ in range(3)] == [{"17": "RUNNING", "18": "PENDING"}, {}, None]


def test_a_full_cluster_is_asked_again_later(clock, monkeypatch, tmp_path):
    """A refusal is the site's fault only while nothing was accepted."""
    refuse = FailedJobError("sbatch: error: Batch job submission failed: Job violates accounting/QOS policy")
    answers = iter([refuse, Job("1", 0), refuse, Job("2", 0)])

    def submit(self, *arguments):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(
        slurm.submitit,
        "SlurmExecutor",
        lambda folder, max_num_timeout: SimpleNamespace(
            update_parameters=lambda **parameters: None, submit=lambda *arguments: submit(None, *arguments)
        ),
    )
    executor = SlurmExecutor(Slurm(), 3)
    with pytest.raises(InputError, match=r"Slurm refuses a job \(error: Batch job submission failed"):
        executor.start(tmp_path, "fake:train")
    assert executor.start(tmp_path, "fake:train").job_id == "1"
    assert executor.start(tmp_path, "fake:train") is None
    assert executor.start(tmp_path, "fake:train") is None
    clock.seconds += 60
    assert executor.start(tmp_path, "fake:train").job_id == "2"


def test_no_slurm_is_bad_input(monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="There is no sbatch here"):
        SlurmExecutor(Slurm(), 1).warm_up("fake:train")
