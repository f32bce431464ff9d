"""Where runs are carried out: each executor starts workers and tells how they ended, one file each."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol

from m2f.extras import imported

# Found by name when it is wanted, so that nobody needs the libraries of the others.
EXECUTORS = {
    "local": "ablations.running.executors.local:LocalExecutor",
    "slurm": "ablations.running.executors.slurm:SlurmExecutor",
    "ray": "ablations.running.executors.ray:RayExecutor",
}
LIBRARIES = {"slurm": "submitit"}  # that an executor's own file imports


@dataclass(frozen=True)
class Ending:
    """How a worker ended.

    Attributes:
        reason: why the run failed, in one sentence, if the worker has not written that itself.
        held: another process has the run.
        again: it is no fault of the run, which is to be started once more.
    """

    reason: str
    held: bool = False
    again: bool = False


class Executor(Protocol):
    """Starts workers and tells how they ended.

    Attributes:
        slots: runs at a time.
        gpus: GPUs of each run.
        processes: processes of each run.
    """

    slots: int
    gpus: int
    processes: int

    def warm_up(self, work: str) -> None:
        """Begin what takes a while before the first run can start."""

    def start(self, directory: Path, work: str) -> Hashable | None:
        """Start a worker on a run's directory; ``work`` as ``ablations.running.worker.execute`` takes it.

        Returns:
            The job; None if there is no room for it before another one ends.

        Raises:
            InputError: the cluster refuses.
        """

    def ended(self, jobs: Collection[Any], seconds: float) -> Mapping[Any, Ending]:
        """Those of the started workers that have ended, after at most about so many seconds."""

    def stop(self, jobs: Collection[Any]) -> None:
        """End workers; their runs can be continued."""


def make_executor(name: str, options: Any, runs: int) -> Executor:
    """The executor of this name.

    Args:
        name: one of ``EXECUTORS``.
        options: what its site says, as ``ablations.running.site_file`` reads it.
        runs: how many runs there are to do.

    Raises:
        InputError: what it needs is not there.
    """
    if name in LIBRARIES:
        imported(LIBRARIES[name], extra=name)
    return resolve_name(EXECUTORS[name])(options, runs)
