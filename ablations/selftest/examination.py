"""All checks of a device, one after the other, and what came of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch

from ablations.running.environment import environment, git_commit
from ablations.selftest.beside_cpu import beside_cpu
from ablations.selftest.designs import trained_designs
from ablations.selftest.findings import Finding, findings_of
from ablations.selftest.kernels import beside_formulation, kernels_here
from ablations.selftest.lower_precision import beside_float32
from ablations.selftest.processes import beside_one, process_count
from ablations.selftest.room import Room, room_needed
from ablations.selftest.training_step import TrainingStep, at_full_size, measure_step, table_hours
from m2f.errors import InputError

DEVICES = ("cuda", "cpu")
DESIGNS, PRECISION, KERNELS, PROCESSES, STEP = (
    *("designs beside the CPU", "mixed precision beside float32", "kernels beside grid sampling"),
    *("processes beside one", "training step"),
)


@dataclass(frozen=True)
class Examination:
    """What came of the checks.

    Attributes:
        device: the GPU's name, or ``cpu``.
        findings: of all checks, in their order.
        training_step: of the baseline; None where it could not be measured.
        hours: by table, of one such device; empty without a step that was measured at the paper's size, as on a CPU.
        room: what one training at the paper's scale takes.
    """

    device: str
    findings: list[Finding]
    training_step: TrainingStep | None
    hours: dict[str, float]
    room: Room

    @property
    def right(self) -> bool:
        """Whether all is as near as it must be."""
        return all(finding.right for finding in self.findings)


def chosen_device(name: str | None) -> torch.device:
    """The named device, or the GPU if there is one.

    Raises:
        InputError: a GPU is asked for, and PyTorch sees none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("PyTorch sees no GPU here; `m2f doctor` shows what is here. Or give --device cpu.")
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def examine(device: torch.device, tell: Callable[[str], object]) -> Examination:
    """Make all checks.

    Args:
        device: see :func:`chosen_device`.
        tell: takes a line before each of them.
    """
    with one_thread():
        findings = [finding for own in correctness(device, tell) for finding in own]
    tell("The baseline's training step is measured.")
    measured: list[tuple[TrainingStep, dict[str, float]]] = []

    def measure() -> Iterator[tuple[str, float, float]]:
        step = measure_step(device)
        measured.append((step, table_hours(step.speed) if at_full_size(step) else {}))
        yield from ()

    findings += findings_of(STEP, "baseline", measure)
    step, hours = measured[0] if measured else (None, {})
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return Examination(name, findings, step, hours, room_needed())


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: on small tensors more of them cost more than they give."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def correctness(device: torch.device, tell: Callable[[str], object]) -> Iterator[list[Finding]]:
    """The findings of each computation that is compared."""
    designs = trained_designs()
    for check, compare in ((DESIGNS, beside_cpu), (PRECISION, beside_float32)):
        tell(f"{len(designs)} {check}.")
        for name, config in designs.items():
            yield findings_of(check, name, partial(compare, config, device))
    kernels = list(kernels_here(device))
    tell(f"{len(kernels)} {KERNELS}.")
    for name, kernel, dtype in kernels:
        yield findings_of(KERNELS, name, partial(beside_formulation, kernel, dtype, device))
    count = process_count(device)
    tell(f"{count} {PROCESSES}.")
    baseline = next(iter(designs.values()))
    yield findings_of(PROCESSES, str(count), partial(beside_one, baseline, device))


def as_json(examination: Examination) -> dict[str, Any]:
    """What is written to a file, to be sent to whoever asks; ``STORE/selftest.json`` tells a plan its hours."""
    step = examination.training_step
    return {
        "device": examination.device,
        "right": examination.right,
        "training_step": asdict(step) if step else None,
        "hours": examination.hours,
        "room": asdict(examination.room),
        "findings": [{**asdict(finding), "right": finding.right} for finding in examination.findings],
        "environment": environment(),
        "git": git_commit(),
    }
