"""Runs as processes of this machine, several at a time, forked from one server that has imported everything."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from ablations.environment import available_cores
from ablations.store import RunHeldError, claim, read_state, write_failed
from ablations.worker import HELD, TRAINING, execute

POLL_SECONDS = 0.25
STOP_SECONDS = 10.0
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)

context = multiprocessing.get_context("forkserver")


def warm_up(jobs: int, work: str = TRAINING) -> None:
    """Start the server, which imports the training code while this process gets on with something else.

    Each of ``jobs`` runs has an equal share of the cores as its threads; libraries read that number when they load, so
    it is set before. The server and all runs ignore Ctrl-C, which is for this process to act on.
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(max(available_cores() // jobs, 1))
    context.set_forkserver_preload([work.partition(":")[0]])
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with _silent():
            forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def _silent() -> Iterator[None]:
    """Processes started meanwhile print to nowhere: mmseg's import has something to say that is no news."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def run_local(directories: Iterable[Path], jobs: int, watch: Callable[[], None], work: str = TRAINING) -> None:
    """Carry out runs, at most ``jobs`` at a time; returns when each is done or failed.

    A run that another live worker holds is waited for. When this is interrupted, its own runs are stopped, to be
    continued later.

    Args:
        directories: the runs' directories.
        jobs: processes at a time.
        watch: called several times a second.
        work: what a worker does, as ``ablations.worker.execute`` takes it.
    """
    warm_up(jobs, work)
    waiting = list(directories)
    elsewhere: set[Path] = set()
    running: dict[BaseProcess, tuple[Path, int]] = {}
    devices = visible_gpus()
    try:
        while waiting or running:
            while len(running) < jobs and (directory := _take_next(waiting, elsewhere)):
                place = min(set(range(jobs)) - {taken for _, taken in running.values()})
                gpu = devices[place % len(devices)] if devices else None
                running[_start(directory, work, gpu)] = directory, place
            wait([process.sentinel for process in running], timeout=POLL_SECONDS)
            for process in [process for process in running if not process.is_alive()]:
                directory, _ = running.pop(process)
                if process.exitcode == HELD:
                    waiting.append(directory)
                else:
                    _settle(directory, process.exitcode or 0)
            watch()
    except BaseException:
        _stop(list(running))
        raise


def _take_next(waiting: list[Path], elsewhere: set[Path]) -> Path | None:
    """The next run to start; what another worker holds stays waiting, what it has ended is dropped."""
    for directory in list(waiting):
        state = read_state(directory).name
        if state == "running":
            elsewhere.add(directory)
            continue
        waiting.remove(directory)
        if state != "done" and not (state == "failed" and directory in elsewhere):
            return directory
    return None


def visible_gpus() -> list[str]:
    """The CUDA devices that runs may use, as ``CUDA_VISIBLE_DEVICES`` names them; empty without one."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named.split(",") if named else [str(index) for index in range(torch.cuda.device_count())]


def _start(directory: Path, work: str, gpu: str | None) -> BaseProcess:
    process = context.Process(target=_work, args=(directory, work, gpu), name=directory.name)
    process.start()
    return process


def _work(directory: Path, work: str, gpu: str | None) -> None:
    """In the new process: everything that is printed goes to the run's log, and the run has a GPU of its own."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # CUDA reads it at its first call, which is still to come
    with (directory / "log.txt").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(execute(directory, work))


def _settle(directory: Path, exit_code: int) -> None:
    """Mark a run as failed whose process died without doing so."""
    with suppress(RunHeldError), claim(directory, patience=STOP_SECONDS):
        if read_state(directory).name not in ("done", "failed"):
            write_failed(directory, _death(exit_code), "killed")


def _death(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "killed by signal 9 (SIGKILL), as the system does when memory runs out"
    if exit_code < 0:
        return f"killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return f"its process ended with exit code {exit_code}; log.txt has more"


def _stop(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
