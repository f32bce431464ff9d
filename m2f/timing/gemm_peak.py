"""The most that this machine computes: the speed of its best matrix product."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from m2f.timing.speed import seconds

SIDES = {"cpu": 1024, "cuda": 8192}  # large enough for the most, small enough not to be disturbed
TRIES = 20


def gemm_peak(precision: torch.dtype, device: torch.device, side: int | None = None) -> float:
    """Multiply-accumulates a second of a product of square matrices, the best of many.

    torch has two ways to such a product, which on a CPU end in two libraries: as a product of matrices and as a 1x1
    convolution. On some processors one is twice as fast as the other; the faster counts.

    Args:
        precision: of the matrices.
        device: where they are.
        side: rows and columns of each matrix; by default one that suits the device.
    """
    side = side or SIDES[device.type]
    left, right = torch.randn(2, side, side, device=device).to(precision)
    pixels = right[None, :, None].contiguous(memory_format=torch.channels_last)  # [1, side, 1, side]
    kernels = left[:, :, None, None]
    ways: tuple[Callable[[], object], ...] = (lambda: left @ right, lambda: F.conv2d(pixels, kernels))
    with torch.no_grad():
        return side**3 / min(fastest(way, device) for way in ways)


def fastest(way: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of some runs after one that warms up."""
    return min([seconds(way, device) for _ in range(TRIES + 1)][1:])
