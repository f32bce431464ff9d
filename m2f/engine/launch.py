"""Starting a function in several processes of this machine, and ending them all when one fails."""

import ctypes
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from m2f.engine.stopping import WARNINGS
from m2f.files import write_atomically

START_METHOD = "spawn"  # a process that has touched CUDA cannot be forked
PASSED_ON = (signal.SIGTERM, *WARNINGS)
LAST_SECONDS = 3.0
RAISED = 70  # exit code of a process whose reason is written; EX_SOFTWARE of sysexits.h
Result = TypeVar("Result")
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux' prctl.h


class ProcessDiedError(RuntimeError):
    """One of several processes ended without raising anything."""


def in_processes(count: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in several processes at once, started as torchrun starts them, and give what the first returns.

    A process that raises or dies ends all within seconds. What this process prints to, they print to; they end with it.
    To be called in the main thread, which alone can be told to end.

    Args:
        count: how many processes; one is this process itself.
        function: a function of a module, such as :func:`m2f.engine.train.train`.
        arguments: its arguments, which are pickled.

    Raises:
        ProcessDiedError: a process was killed or left.
        Exception: what the function raised, in the process that did so first.
        SystemExit: this process was told to end by SIGTERM, SIGUSR1 or SIGUSR2; first the others have ended, in half a
            minute at most, and then what handled the signal here before was called.
    """
    if count == 1:
        return function(*arguments)
    handlers = {number: signal.getsignal(number) for number in PASSED_ON}
    with tempfile.TemporaryDirectory() as directory:
        failure = Path(directory, "failure")
        try:
            return elastic_launch(_config(count, directory), _process)(count, failure, function, arguments)[0]
        except ChildFailedError as error:
            raise _reason(error, failure) from None
        except SignalException as error:
            handler = handlers[error.sigval]
            if callable(handler):  # such as a cluster's, which puts the job back into the queue
                handler(error.sigval, None)
            raise SystemExit(128 + error.sigval) from None
        finally:
            for number, handler in handlers.items():
                if handler is not None:  # which none of Python's is
                    signal.signal(number, handler)


def _config(count: int, directory: str) -> LaunchConfig:
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        logs_specs=DefaultLogsSpecs(log_dir=directory),
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        start_method=START_METHOD,
        # Others do what they do to this process, with which the others die.
        signals_to_handle=",".join(number.name for number in PASSED_ON),
    )


def _process(count: int, failure: Path, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """One of the processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started this
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    torch.set_num_threads(max(torch.get_num_threads() // count, 1))
    try:
        return function(*arguments)
    except Exception as error:
        traceback.print_exc()
        if not failure.exists():
            write_atomically(failure, _pickled(error))
        # The others fail in turn once this one is gone, and this one may have failed since another is: that one, which
        # can write no reason, is to be found dead first.
        time.sleep(LAST_SECONDS)
        os._exit(RAISED)


def _pickled(error: Exception) -> bytes:
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:
        return pickle.dumps(ProcessDiedError(f"{type(error).__name__}: {error}"))
    return pickled


def _reason(error: ChildFailedError, failure: Path) -> Exception:
    """What the process that failed first raised, or how it died."""
    rank, process = error.get_first_failure()
    if process.exitcode < 0:
        name = signal.Signals(-process.exitcode).name
        return ProcessDiedError(f"process {rank} was killed by signal {-process.exitcode} ({name})")
    if process.exitcode == RAISED:
        return pickle.loads(failure.read_bytes())
    return ProcessDiedError(f"process {rank} ended with exit code {process.exitcode}")
