"""mmcv's compiled ops: whether they run, and a stand-in with which mmdet can be imported where they are not installed.

``mmcv.ops`` loads ``mmcv._ext`` at import, and ``mmdet.models`` imports ``mmcv.ops``. Nothing that m2f runs on the CPU
calls a compiled op, so where the extension is missing a stand-in takes its place: it satisfies the import and raises a
clear error only when an op is called.
"""

import importlib.machinery
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch

EXTENSION = "mmcv._ext"


@torch.compiler.assume_constant_result
def compiled_ops_available() -> bool:
    """Whether mmcv's compiled ops run on the current GPU; without a GPU, no.

    That they are installed does not tell: mmcv compiles them for the CPU alone where it finds no GPU, or for another
    GPU than this one. So the first call on each GPU tries one.
    """
    return ops_installed() and torch.cuda.is_available() and op_runs(torch.cuda.current_device())


@torch.compiler.assume_constant_result
def triton_available() -> bool:
    """Whether Triton is installed, as PyTorch for CUDA has it on Linux, and where there is a GPU, whether it starts."""
    installed = importlib.util.find_spec("triton") is not None
    return installed and (not torch.cuda.is_available() or triton_starts())


def ops_installed() -> bool:
    """Whether mmcv was built with compiled ops for any device (the stand-in does not count)."""
    module = sys.modules.get(EXTENSION)
    if module is not None:
        return not getattr(module, "is_stand_in", False)
    return importlib.util.find_spec(EXTENSION) is not None


@cache
def triton_starts() -> bool:
    """Whether Triton finds what it needs to start a kernel: before the first it compiles a few lines of C."""
    from triton.runtime import driver

    try:
        driver.active.get_current_target()
    except Exception as error:  # Triton raises many kinds
        reason = str(error).strip().partition("\n")[0]
        warnings.warn(
            f"Triton does not start ({reason}), so deformable sampling is made of PyTorch's operators, which is slower "
            "and takes 1.6 GB more an image in training; install a C compiler, such as gcc, and Python's headers, "
            "such as python3-dev.",
            stacklevel=2,
        )
        return False
    return True


@cache
def op_runs(gpu: int) -> bool:
    """Whether an op computes on a GPU what it should.

    It runs in a thread of its own, where nothing that traces, counts or casts the caller's operators is on.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(samples_a_one, torch.device("cuda", gpu)).result()


def samples_a_one(device: torch.device) -> bool:
    """Sample the only cell of a map. An op built for another GPU prints an error and leaves zero, others raise."""
    from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

    one = torch.ones(1, 1, 1, 1, device=device)
    shapes, starts = torch.ones(1, 2, dtype=torch.long, device=device), torch.zeros(1, dtype=torch.long, device=device)
    centre, weight = torch.full((1, 1, 1, 1, 1, 2), 0.5, device=device), torch.ones(1, 1, 1, 1, 1, device=device)
    try:
        return MultiScaleDeformableAttnFunction.apply(one, shapes, starts, centre, weight, 1).item() == 1
    except RuntimeError:
        return False


def provide_compiled_ops() -> None:
    """Register the stand-in for ``mmcv._ext`` if the real extension is not installed. Call before importing mmdet."""
    if EXTENSION in sys.modules or ops_installed():
        return
    stand_in = types.ModuleType(EXTENSION)
    stand_in.__spec__ = importlib.machinery.ModuleSpec(EXTENSION, loader=None)
    stand_in.is_stand_in = True  # type: ignore[attr-defined]
    stand_in.__getattr__ = _missing_op  # type: ignore[method-assign]
    sys.modules[EXTENSION] = stand_in


def _missing_op(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def raise_missing(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError(
            f"The compiled op mmcv._ext.{name} is not installed; `m2f doctor` says how mmcv is built with it."
        )

    return raise_missing
