"""Runs as jobs of a Slurm cluster, one a run, through submitit.

Of the cluster it takes ``sbatch``, ``srun``, ``squeue``, ``scancel`` and ``scontrol``; accounting (``sacct``) need not
be set up. A job that nears its time limit is put back into the queue and goes on from its last checkpoint.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError

from ablations.running.executors import Ending
from ablations.running.executors.cluster import ClusterExecutor
from ablations.running.site_file import Slurm
from ablations.running.worker import carry
from ablations.store.claims import HELD
from m2f.errors import InputError

WARNING_SECONDS = 120  # before the time limit
ASK_SECONDS = 5.0  # between two questions to Slurm
FULL_SECONDS = 30.0  # until a cluster that had no room is asked again
LAG_SECONDS = 15.0  # in which the result of a job that has ended may still be on its way
LOST = ("BOOT_FAIL", "NODE_FAIL", "PREEMPTED")  # no fault of the run
ADVICE = {
    "TIMEOUT": "raise hours in the site file, or write checkpoints more often",
    "OUT_OF_MEMORY": "raise memory_gb in the site file",
}
ENDED = (*LOST, *ADVICE, "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "REVOKED")

Job = submitit.Job[int]


class SlurmExecutor(ClusterExecutor):
    """Jobs of a Slurm cluster.

    Args:
        options: the site's.
        runs: how many there are to do.
    """

    def __init__(self, options: Slurm, runs: int) -> None:
        super().__init__(options, runs)
        self.options = options
        self.accepted: set[str] = set()
        self.full_until = 0.0
        self.asked = 0.0
        self.over: dict[str, float] = {}  # when a job was first seen to have ended

    def warm_up(self, work: str) -> None:
        """See that this is a cluster.

        Raises:
            InputError: it is not.
        """
        if not shutil.which("sbatch"):
            raise InputError("There is no sbatch here; start --executor slurm on a machine of the cluster.")

    def start(self, directory: Path, work: str) -> Job | None:
        """Submit a run; what Slurm itself writes goes to ``slurm/`` in its directory.

        A cluster that has taken jobs and takes no more, since a user may have so many, has no room for now.

        Raises:
            InputError: Slurm refuses the job.
        """
        if time.monotonic() < self.full_until:
            return None
        directory = directory.absolute()
        executor = submitit.SlurmExecutor(directory / "slurm", max_num_timeout=self.options.requeues)
        executor.update_parameters(**self._parameters(directory.name))
        environment = {"OMP_NUM_THREADS": str(self.cores), **self.options.environment}
        try:
            job = executor.submit(RunJob(), directory, work, self.processes, environment, sys.path)
        except (FailedJobError, FailedSubmissionError) as error:
            if self.accepted:
                self.full_until = time.monotonic() + FULL_SECONDS
                return None
            reason = [line for line in str(error).splitlines() if line.startswith("sbatch:")] or [str(error)]
            raise InputError(
                f"Slurm refuses a job ({reason[0].removeprefix('sbatch: ')}); change [slurm] in the site file."
            ) from error
        self.accepted.add(job.job_id)
        return job

    def _parameters(self, name: str) -> dict[str, Any]:
        """The job's options as submitit calls them."""
        options, minutes = self.options, max(round(self.options.hours * 60), 1)
        parameters = {
            "job_name": f"m2f-{name}",
            "partition": options.partition,
            "account": options.account,
            "qos": options.qos,
            "constraint": options.constraint,
            "gpus_per_node": options.gpus_per_run or None,
            "cpus_per_task": self.cores,
            "mem": f"{round(options.memory_gb * 1024)}MB" if options.memory_gb else None,
            "time": minutes,
            "signal_delay_s": min(WARNING_SECONDS, minutes * 30),
            "setup": options.setup or None,
            "srun_args": [f"--cpus-per-task={self.cores}"],  # srun does not take them over from sbatch
            "stderr_to_stdout": True,
        }
        return {key: value for key, value in parameters.items() if value is not None}

    def ended(self, jobs: Collection[Job], seconds: float) -> dict[Job, Ending]:
        """The jobs that have left a result, or of which Slurm says that they have ended."""
        time.sleep(seconds)
        endings = {job: _ending(job) for job in jobs if job.paths.result_pickle.exists()}
        if time.monotonic() - self.asked > ASK_SECONDS and (states := job_states()) is not None:
            self.asked = time.monotonic()
            for job in jobs:
                state = states.get(job.job_id, "")
                if job in endings or (state and state not in ENDED):
                    self.over.pop(job.job_id, None)
                elif self.asked - self.over.setdefault(job.job_id, self.asked) > LAG_SECONDS:
                    endings[job] = _death(job, state)
        self.accepted.difference_update(job.job_id for job in endings)
        return endings

    def stop(self, jobs: Collection[Job]) -> None:
        """Cancel the jobs."""
        if jobs:
            subprocess.run(["scancel", *(job.job_id for job in jobs)], check=False)


class RunJob:
    """What a job does. submitit calls ``checkpoint`` when the time is up, and puts what that gives into the queue."""

    def __call__(
        self, directory: Path, work: str, processes: int, environment: Mapping[str, str], search_path: list[str]
    ) -> int:
        """Carry out a run; the exit code of ``ablations.running.worker.execute``."""
        os.environ.update(environment)
        sys.path.extend(path for path in search_path if path not in sys.path)
        # submitit passes over the signal to end. Only this process is to answer Slurm's warning, not its children.
        signal.signal(signal.SIGTERM, _leave)
        warning = submitit.JobEnvironment()._usr_sig()
        os.register_at_fork(after_in_child=lambda: signal.signal(warning, signal.SIG_IGN))
        return carry(directory, work, processes)

    def checkpoint(self, *arguments: Any) -> Any:
        """The same again: the run has checkpoints of its own."""
        return submitit.helpers.DelayedSubmission(self, *arguments)


def _leave(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def job_states() -> dict[str, str] | None:
    """The states of this user's jobs, also of those that ended lately, by number; None if Slurm does not answer."""
    command = ["squeue", "--me", "--states=all", "--noheader", "--format=%i|%T"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        return None
    return dict(line.strip().split("|") for line in answer.stdout.splitlines())


def _ending(job: Job) -> Ending:
    """How a job with a result ended."""
    try:
        code = job.result()
    except (FailedJobError, UncompletedJobError) as error:
        return Ending(f"Slurm's job {job.job_id}: {str(error).strip().splitlines()[-1]}")
    return Ending(f"its process ended with exit code {code}; log.txt has more", held=code == HELD)


def _death(job: Job, state: str) -> Ending:
    """How a job ended that has no result."""
    if not state:
        return Ending(f"Slurm no longer knows its job {job.job_id}", again=True)
    advice = ADVICE.get(state, f"{job.paths.stdout} has more")
    return Ending(f"Slurm ended its job {job.job_id} with state {state}; {advice}", again=state in LOST)
