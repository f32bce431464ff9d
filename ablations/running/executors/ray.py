"""Runs as tasks of a Ray cluster, one a run. A run whose node is lost goes on from its checkpoint on another."""

import logging
import os
import socket
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ablations.running.executors import Ending
from ablations.running.executors.cluster import ClusterExecutor
from ablations.running.site_file import Ray
from ablations.running.worker import carry
from ablations.store.claims import HELD
from m2f.errors import InputError
from m2f.extras import imported

CONNECT_SECONDS = 10.0


class RayExecutor(ClusterExecutor):
    """Tasks of a Ray cluster.

    Args:
        options: the site's.
        runs: how many there are to do.
    """

    def __init__(self, options: Ray, runs: int) -> None:
        super().__init__(options, runs)
        self.options = options

    def warm_up(self, work: str) -> None:
        """Join the cluster.

        Raises:
            InputError: Ray is not installed, there is no cluster, or none of its nodes has what a run asks for.
        """
        ray: Any = imported("ray", "ray")
        self._join(ray)
        self._require_room(ray.nodes())
        search_path = os.pathsep.join(filter(None, sys.path))
        make_task: Any = ray.remote(
            num_cpus=self.cores,
            num_gpus=self.gpus,
            max_retries=0,  # the orchestrator starts it again
            max_calls=1,  # each run in a process of its own
            runtime_env={"env_vars": {"PYTHONPATH": search_path, **self.options.environment}},
        )
        self.task = make_task(carry)

    def _join(self, ray: Any) -> None:
        address = self.options.address
        try:
            host, colon, port = address.rpartition(":")
            if colon:
                # Ray would try for an hour.
                socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
            # A second sweep of one process finds itself in the cluster already.
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(
                f"There is no Ray cluster at '{address}' ({str(error).partition(chr(10))[0]}); start one with "
                "`ray start --head`, or give its host and port, such as 10.0.0.1:6379, under [ray] in the site file."
            ) from error

    def _require_room(self, nodes: list[dict[str, Any]]) -> None:
        wanted = {"CPU": self.cores, "GPU": self.gpus}
        resources = [node["Resources"] for node in nodes if node["Alive"]]
        if not any(all(has.get(name, 0) >= count for name, count in wanted.items()) for has in resources):
            raise InputError(
                f"No node of the Ray cluster has {self.cores} cores and {self.gpus} GPUs, as each run wants; change "
                "cpus_per_run or gpus_per_run under [ray] in the site file."
            )

    def start(self, directory: Path, work: str) -> Any:
        """Submit a run."""
        return self.task.remote(directory.absolute(), work, self.processes)

    def ended(self, jobs: Collection[Any], seconds: float) -> dict[Any, Ending]:
        """The tasks that have ended."""
        import ray

        if not jobs:
            time.sleep(seconds)
            return {}
        ready, _ = ray.wait(list(jobs), num_returns=len(jobs), timeout=seconds)
        return {job: _ending(job) for job in ready}

    def stop(self, jobs: Collection[Any]) -> None:
        """Kill the tasks."""
        import ray

        for job in jobs:
            ray.cancel(job, force=True)


def _ending(job: Any) -> Ending:
    import ray

    try:
        code = ray.get(job)
    except ray.exceptions.RayTaskError as error:
        return Ending(f"{type(error.cause).__name__}: {error.cause}")
    except ray.exceptions.RayError as error:
        reason = str(error).strip().partition("\n")[0]
        return Ending(f"Ray lost its worker ({reason or type(error).__name__})", again=True)
    return Ending(f"its process ended with exit code {code}; log.txt has more", held=code == HELD)
