"""The weighted sampling at the heart of deformable attention, and its kernel for CPUs.

PyTorch has no operator for it. mmcv has a CUDA kernel, used where it was compiled, and a formulation by grid sampling
that holds every sampled vector in memory; on a CPU the loops below read and write each value once, compiled by numba
on first use and cached beside this file.
"""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import torch
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor
from torch.autograd.function import once_differentiable

from m2f.compiled_ops import compiled_ops_available


def deformable_sampling(value: Tensor, sizes: Sequence[tuple[int, int]], locations: Tensor, weights: Tensor) -> Tensor:
    """Sum of bilinear samples; outside a level lies zero (Zhu et al. 2021, equation 3).

    Args:
        value: ``[B, N, heads, d]``, N summing over the levels.
        sizes: ``(h, w)`` of each level.
        locations: ``[B, Q, heads, levels, points, 2]``, (x, y) in [0, 1].
        weights: ``[B, Q, heads, levels, points]``.

    Returns:
        ``[B, Q, heads * d]``.
    """
    if value.device.type == "cpu" and value.dtype == torch.float32:
        return CpuSampling.apply(value, torch.tensor(sizes), locations, weights).flatten(2)
    if value.is_cuda and compiled_ops_available():
        shapes = torch.tensor(sizes, device=value.device)
        cells = shapes.prod(1)
        starts = cells.cumsum(0) - cells
        return MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)
    return multi_scale_deformable_attn_pytorch(value, sizes, locations, weights)


class CpuSampling(torch.autograd.Function):
    """:func:`deformable_sampling` in float32 on the CPU, ``[B, Q, heads, d]``; sizes come as a tensor."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, sizes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        """Sample and keep the inputs alone for the backward pass."""
        inputs = [tensor.detach().contiguous() for tensor in (value, sizes, locations, weights)]
        ctx.save_for_backward(*inputs)
        output = value.new_zeros(*weights.shape[:3], value.shape[3])
        run_tasks(sample, [*inputs, output])
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        """Gradients of value, locations and weights."""
        value, sizes, locations, weights = ctx.saved_tensors
        gradients = [torch.zeros_like(tensor) for tensor in (value, locations, weights)]
        run_tasks(sample_backward, [value, sizes, locations, weights, gradient.contiguous(), *gradients])
        return gradients[0], None, gradients[1], gradients[2]


def run_tasks(kernel: Callable[..., None], tensors: Sequence[Tensor]) -> None:
    """Run a kernel on as many threads as torch may use, each with its share of the images' heads.

    A task is one image and head, so no two threads write to one place and the sums do not depend on the threads.
    Plain threads serve because the kernels hold no lock: numba's own would share an OpenMP runtime with torch and
    change how many threads torch uses.
    """
    arrays = [tensor.numpy() for tensor in tensors]
    tasks = arrays[0].shape[0] * arrays[0].shape[2]
    threads = min(torch.get_num_threads(), tasks)
    if threads == 1:
        kernel(0, tasks, *arrays)
        return
    bounds = np.linspace(0, tasks, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(kernel, *share, *arrays) for share in itertools.pairwise(bounds)]:
            future.result()


@numba.njit(nogil=True, cache=True, fastmath=True)
def sample(
    first: int,
    last: int,
    value: np.ndarray,
    sizes: np.ndarray,
    locations: np.ndarray,
    weights: np.ndarray,
    output: np.ndarray,
) -> None:
    """Fill ``output`` for tasks ``first`` to ``last``."""
    _, queries, heads, levels, points = weights.shape
    width_of_value = value.shape[3]
    for task in range(first, last):
        b, h = task // heads, task % heads
        for q in range(queries):
            target = output[b, q, h]
            start = 0
            for level in range(levels):
                height, width = sizes[level, 0], sizes[level, 1]
                for p in range(points):
                    x = locations[b, q, h, level, p, 0] * width - np.float32(0.5)
                    y = locations[b, q, h, level, p, 1] * height - np.float32(0.5)
                    weight = weights[b, q, h, level, p]
                    left, top = int(np.floor(x)), int(np.floor(y))
                    right_share, bottom_share = x - np.float32(left), y - np.float32(top)
                    for corner in range(4):
                        column, row = left + corner % 2, top + corner // 2
                        if 0 <= column < width and 0 <= row < height:
                            share_x = right_share if corner % 2 else np.float32(1) - right_share
                            share_y = bottom_share if corner // 2 else np.float32(1) - bottom_share
                            share = weight * share_x * share_y
                            cell = start + row * width + column
                            source = value[b, cell, h]
                            for c in range(width_of_value):
                                target[c] += share * source[c]
                start += height * width


@numba.njit(nogil=True, cache=True, fastmath=True)
def sample_backward(
    first: int,
    last: int,
    value: np.ndarray,
    sizes: np.ndarray,
    locations: np.ndarray,
    weights: np.ndarray,
    gradient: np.ndarray,
    to_value: np.ndarray,
    to_locations: np.ndarray,
    to_weights: np.ndarray,
) -> None:
    """Add to the three gradients for tasks ``first`` to ``last``, given the output's."""
    _, queries, heads, levels, points = weights.shape
    width_of_value = value.shape[3]
    for task in range(first, last):
        b, h = task // heads, task % heads
        for q in range(queries):
            incoming = gradient[b, q, h]
            start = 0
            for level in range(levels):
                height, width = sizes[level, 0], sizes[level, 1]
                for p in range(points):
                    x = locations[b, q, h, level, p, 0] * width - np.float32(0.5)
                    y = locations[b, q, h, level, p, 1] * height - np.float32(0.5)
                    weight = weights[b, q, h, level, p]
                    left, top = int(np.floor(x)), int(np.floor(y))
                    right_share, bottom_share = x - np.float32(left), y - np.float32(top)
                    for corner in range(4):
                        column, row = left + corner % 2, top + corner // 2
                        if 0 <= column < width and 0 <= row < height:
                            share_x = right_share if corner % 2 else np.float32(1) - right_share
                            share_y = bottom_share if corner // 2 else np.float32(1) - bottom_share
                            sign_x = np.float32(1) if corner % 2 else np.float32(-1)
                            sign_y = np.float32(1) if corner // 2 else np.float32(-1)
                            share = weight * share_x * share_y
                            cell = start + row * width + column
                            product = np.float32(0)
                            source, to_source = value[b, cell, h], to_value[b, cell, h]
                            for c in range(width_of_value):
                                product += incoming[c] * source[c]
                                to_source[c] += share * incoming[c]
                            to_weights[b, q, h, level, p] += product * share_x * share_y
                            to_locations[b, q, h, level, p, 0] += product * weight * sign_x * share_y * width
                            to_locations[b, q, h, level, p, 1] += product * weight * sign_y * share_x * height
                start += height * width
