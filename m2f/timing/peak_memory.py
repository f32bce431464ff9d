"""How much memory a training step or a prediction takes at its peak, each in a process of its own.

The process builds the model, runs the work once on a small image, so that what libraries load and keep is there, gives
back what is free, and then runs it once in the size that is asked for. On a GPU the memory is what torch allocated
there, on a CPU the resident memory of the process.
"""

import ctypes
import gc
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from m2f.engine.precision import set_precision
from m2f.errors import InputError
from m2f.peers import PEERS, own_peer
from m2f.timing.inputs import build_ours, random_inputs
from m2f.timing.works import OURS, main_device, work_of

SMALL = 64
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5), clear_refs


@dataclass(frozen=True)
class PeakMemory:
    """Bytes at the peak of a work.

    Attributes:
        work: what the work added to the model that was there: activations, gradients, temporary tensors.
        total: all of it, on a CPU with the interpreter and its libraries.
    """

    work: int
    total: int


@dataclass(frozen=True)
class Request:
    """What is to be measured; see :func:`peak_memory`."""

    model_config: Mapping[str, Any]
    library: str
    precision: str
    work: str
    size: int
    batch: int


def peak_memory(request: Request) -> PeakMemory:
    """Measure in a fresh process.

    Args:
        request: ``library`` is ``m2f`` or one of ``m2f.peers.PEERS``, the rest as in
            :func:`m2f.timing.beside_peers.compare`.

    Raises:
        InputError: the process died, most likely for want of memory.
    """
    command = [sys.executable, "-m", "m2f.timing.peak_memory"]
    done = subprocess.run(command, input=json.dumps(asdict(request)), capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(
            f"The memory of {request.library}'s {request.work} at {request.size} with batch {request.batch} could not "
            f"be measured (exit code {done.returncode}: {reason}); leave that size or batch out."
        )
    return PeakMemory(**json.loads(done.stdout.splitlines()[-1]))


def measure_here(request: Request) -> PeakMemory:
    """Measure in this process, which should be a fresh one."""
    set_precision({})
    device = main_device()
    ours = build_ours(request.model_config, device)
    peer = own_peer(ours) if request.library == OURS else PEERS[request.library](request.model_config, ours)
    del ours
    classes = request.model_config["num_things"] + request.model_config["num_stuff"]
    warm_up, work = (
        work_of(peer, request.work, random_inputs((size, size), request.batch, classes, device), request.precision)
        for size in (SMALL, request.size)
    )
    warm_up()
    peer.zero_grad()
    return peak_on_gpu(work) if device.type == "cuda" else peak_on_cpu(work)


def peak_on_gpu(work: Callable[[], object]) -> PeakMemory:
    """What torch allocates."""
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    work()
    peak = torch.cuda.max_memory_allocated()
    return PeakMemory(peak - before, peak)


def peak_on_cpu(work: Callable[[], object]) -> PeakMemory:
    """The process' resident memory."""
    give_back()
    before = resident_peak()
    work()
    peak = resident_peak()
    return PeakMemory(peak - before, peak)


def give_back() -> None:
    """Return what is free to the system and forget the peak so far, where the system can."""
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    if CLEAR.exists():
        CLEAR.write_text(RESET_PEAK)


def resident_peak() -> int:
    """The most bytes that were resident, on Linux since :func:`give_back`."""
    if STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        if found:
            return int(found.group(1)) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    print(json.dumps(asdict(measure_here(Request(**json.load(sys.stdin))))))
