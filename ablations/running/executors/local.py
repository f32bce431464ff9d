"""Runs as processes of this machine, several at a time.

Without GPUs they are forked from one server that has imported everything. With GPUs each is a fresh process: mmengine
asks for CUDA while it is imported, and what is forked after that question can use no GPU, nor be shown another one. So
there each imports the code as it is when it begins.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from ablations.running.environment import available_cores
from ablations.running.executors import Ending
from ablations.running.site_file import Local
from ablations.running.worker import carry
from ablations.store.claims import HELD
from m2f.errors import InputError

STOP_SECONDS = 30.0  # for a checkpoint after the iteration at hand
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
forked = multiprocessing.get_context("forkserver")
fresh = multiprocessing.get_context("spawn")


class LocalExecutor:
    """Processes of this machine. Each run has GPUs of its own, where there are any, and an equal share of the cores.

    Args:
        options: the site's.
        runs: how many there are to do.

    Raises:
        InputError: a run asks for more GPUs than there are.
    """

    def __init__(self, options: Local, runs: int) -> None:
        devices = visible_gpus()
        self.gpus = options.gpus_per_run if options.gpus_per_run is not None else min(1, len(devices))
        if self.gpus > len(devices):
            raise InputError(
                f"gpus_per_run is {self.gpus} but this machine shows {len(devices)} GPUs; "
                "give less under [local] in the site file."
            )
        self.processes = options.processes_per_run or max(self.gpus, 1)
        self.environment = options.environment
        self.groups = gpu_groups(devices, self.gpus)
        self.context = fresh if devices else forked
        at_once = len(self.groups) if self.gpus else min(2, available_cores())
        self.slots = options.jobs or min(runs, at_once)
        self.places: dict[BaseProcess, int] = {}

    def warm_up(self, work: str) -> None:
        """Start the server, if any, which imports the training code while this process gets on with something else.

        Each run has an equal share of the cores as its threads; libraries read that number when they load, so it is set
        before.
        """
        for variable in THREAD_VARIABLES:
            os.environ[variable] = str(max(available_cores() // self.slots, 1))
        os.environ.update(self.environment)
        if self.context is forked:
            forked.set_forkserver_preload(["__main__", work.partition(":")[0], "ablations.running.executors.preload"])
            with deaf_to_interrupts():
                forkserver.ensure_running()

    def start(self, directory: Path, work: str) -> BaseProcess:
        """Start a run in a process of its own."""
        place = min(set(range(self.slots)) - set(self.places.values()))
        own = {"CUDA_VISIBLE_DEVICES": ",".join(self.groups[place % len(self.groups)])} if self.groups else {}
        process = self.context.Process(target=_work, args=(directory, work, self.processes), name=directory.name)
        with deaf_to_interrupts(), environment(own):
            process.start()
        self.places[process] = place
        return process

    def ended(self, jobs: Collection[BaseProcess], seconds: float) -> dict[BaseProcess, Ending]:
        """The processes that have ended."""
        wait([process.sentinel for process in jobs], timeout=seconds)
        over = [process for process in jobs if not process.is_alive()]
        for process in over:
            del self.places[process]
        return {process: _ending(process.exitcode or 0) for process in over}

    def stop(self, jobs: Collection[BaseProcess]) -> None:
        """End the processes, first kindly."""
        for process in jobs:
            process.terminate()
        for process in jobs:
            process.join(STOP_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()


def gpu_groups(devices: Sequence[str], size: int) -> list[Sequence[str]]:
    """What each of the runs at a time has of the devices: so many of its own, or where it wants none, none."""
    if not size:
        return [[]] if devices else []
    return [devices[first : first + size] for first in range(0, len(devices) - size + 1, size)]


def visible_gpus() -> list[str]:
    """The CUDA devices that runs may use, as ``CUDA_VISIBLE_DEVICES`` names them; empty without one."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named.split(",") if named else [str(index) for index in range(torch.cuda.device_count())]


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Have what is started in here ignore Ctrl-C, which is for this process to act on."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have what is started in here begin with these variables: CUDA looks at its own before any of our code runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(directory: Path, work: str, processes: int) -> None:
    """In the new process."""
    sys.exit(carry(directory, work, processes))


def _ending(exit_code: int) -> Ending:
    return Ending(_death(exit_code), held=exit_code == HELD)


def _death(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "killed by signal 9 (SIGKILL), as the system does when memory runs out"
    if exit_code < 0:
        return f"killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return f"its process ended with exit code {exit_code}; log.txt has more"
