"""The weighted sampling at the heart of deformable attention, and its kernel for CPUs.

PyTorch has no operator for it, so there is one of ours, with a kernel for CPUs and one in Triton for GPUs, where mmcv's
CUDA kernel comes first if it was compiled. mmcv's formulation by grid sampling, which holds every sampled vector in
memory, serves what has no kernel. On a CPU the loops below read and write each value once, compiled by numba on first
use and cached beside this file.
"""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import numpy as np
import torch
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor

from m2f.compiled_ops import compiled_ops_available, triton_available
from m2f.kernels import compiled
from m2f.models.pixel_decoders.sampling_op import register_kernels, sampling


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
    if value.is_cuda and value.dtype == torch.float32 and compiled_ops_available():
        shapes = torch.tensor(sizes, device=value.device)
        cells = shapes.prod(1)
        starts = cells.cumsum(0) - cells
        return MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)
    if has_kernel(value):
        return sampling(value, sizes, locations, weights)
    return multi_scale_deformable_attn_pytorch(value, sizes, locations, weights)


def has_kernel(value: Tensor) -> bool:
    """Whether the operator takes such values; on the meta device, without numbers, it takes all."""
    if value.device.type == "cpu":
        return value.dtype == torch.float32
    if value.is_cuda:
        return value.dtype in (torch.float32, torch.float16, torch.bfloat16) and triton_available()
    return value.is_meta


def sample_on_cpu(value: Tensor, sizes: Sequence[int], locations: Tensor, weights: Tensor) -> Tensor:
    """The operator in float32 on the CPU, arguments and result as :func:`register_kernels` says.

    A head's vectors are brought together first, ``[B, heads, N, d]``: side by side they fit a core's cache.
    """
    inputs = [by_head(value), torch.tensor(sizes).view(-1, 2), locations.contiguous(), weights.contiguous()]
    output = value.new_zeros(*weights.shape[:3], value.shape[3])
    run_tasks(sampling_kernel(value.shape[3]), [*inputs, output])
    return output.flatten(2)


def gradients_on_cpu(
    gradient: Tensor, value: Tensor, sizes: Sequence[int], locations: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The operator's gradients in float32 on the CPU."""
    inputs = [by_head(value), torch.tensor(sizes).view(-1, 2), locations.contiguous(), weights.contiguous()]
    incoming = gradient.contiguous().view(*weights.shape[:3], value.shape[3])
    to_value, to_locations, to_weights = (torch.zeros_like(inputs[index]) for index in (0, 2, 3))
    run_tasks(gradient_kernel(value.shape[3]), [*inputs, incoming, to_value, to_locations, to_weights])
    return by_head(to_value), to_locations, to_weights


def sample_on_gpu(*inputs: Any) -> Tensor:
    """The operator in Triton, which is imported where it is used: machines without a GPU may lack it."""
    from m2f.models.pixel_decoders import triton_sampling

    return triton_sampling.sample(*inputs)


def gradients_on_gpu(*inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The operator's gradients in Triton."""
    from m2f.models.pixel_decoders import triton_sampling

    return triton_sampling.gradients(*inputs)


register_kernels("cpu", sample_on_cpu, gradients_on_cpu)
register_kernels("cuda", sample_on_gpu, gradients_on_gpu)


def by_head(value: Tensor) -> Tensor:
    """``[B, N, heads, d]`` copied to ``[B, heads, N, d]``, or back."""
    return value.transpose(1, 2).contiguous()


def run_tasks(kernel: Callable[..., None], tensors: Sequence[Tensor]) -> None:
    """Run a kernel on as many threads as torch may use, each with its share of the images' heads.

    A task is one image and head, so no two threads write to one place and the sums do not depend on the threads.
    Plain threads serve because the kernels hold no lock: numba's own would share an OpenMP runtime with torch and
    change how many threads torch uses.
    """
    arrays = [tensor.numpy() for tensor in tensors]
    tasks = arrays[0].shape[0] * arrays[0].shape[1]
    threads = min(torch.get_num_threads(), tasks)
    if threads == 1:
        kernel(0, tasks, *arrays)
        return
    bounds = np.linspace(0, tasks, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(kernel, *share, *arrays) for share in itertools.pairwise(bounds)]:
            future.result()


@numba.njit(inline="always")
def neighbours(place: np.float32, cells: int) -> tuple[int, int, np.float32, np.float32]:
    """The two cells between whose centres a coordinate lies and their shares; a cell outside has none."""
    first = int(np.floor(place))
    second_share = place - np.float32(first)
    first_share = np.float32(1) - second_share
    if first < 0:
        first_share = np.float32(0)
    if first + 1 >= cells:
        second_share = np.float32(0)
    return max(first, 0), min(first + 1, cells - 1), first_share, second_share


@cache
def sampling_kernel(width_of_value: int) -> Callable[..., None]:
    """A kernel for vectors of that length, which the compiler then turns into straight vector code."""

    @compiled(fastmath=True)
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
        for task in range(first, last):
            b, h = task // heads, task % heads
            vectors = value[b, h]
            for q in range(queries):
                target, places, own_weights = output[b, q, h], locations[b, q, h], weights[b, q, h]
                start = 0
                for level in range(levels):
                    height, width = sizes[level, 0], sizes[level, 1]
                    for p in range(points):
                        x = places[level, p, 0] * width - np.float32(0.5)
                        y = places[level, p, 1] * height - np.float32(0.5)
                        if not (-1 < x < width and -1 < y < height):
                            continue
                        weight = own_weights[level, p]
                        left, right, left_share, right_share = neighbours(x, width)
                        top, bottom, top_share, bottom_share = neighbours(y, height)
                        top_left = vectors[np.uintp(start + top * width + left)]
                        top_right = vectors[np.uintp(start + top * width + right)]
                        bottom_left = vectors[np.uintp(start + bottom * width + left)]
                        bottom_right = vectors[np.uintp(start + bottom * width + right)]
                        share_tl, share_tr = weight * top_share * left_share, weight * top_share * right_share
                        share_bl, share_br = weight * bottom_share * left_share, weight * bottom_share * right_share
                        for c in range(width_of_value):
                            target[c] += (
                                share_tl * top_left[c]
                                + share_tr * top_right[c]
                                + share_bl * bottom_left[c]
                                + share_br * bottom_right[c]
                            )
                    start += height * width

    return sample


@cache
def gradient_kernel(width_of_value: int) -> Callable[..., None]:
    """The backward pass of :func:`sampling_kernel`."""

    @compiled(fastmath=True)
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
        """Fill the three gradients for tasks ``first`` to ``last``, given the output's."""
        _, queries, heads, levels, points = weights.shape
        for task in range(first, last):
            b, h = task // heads, task % heads
            for q in range(queries):
                incoming, places, own_weights = gradient[b, q, h], locations[b, q, h], weights[b, q, h]
                start = 0
                for level in range(levels):
                    height, width = sizes[level, 0], sizes[level, 1]
                    for p in range(points):
                        x = places[level, p, 0] * width - np.float32(0.5)
                        y = places[level, p, 1] * height - np.float32(0.5)
                        if not (-1 < x < width and -1 < y < height):
                            continue
                        weight = own_weights[level, p]
                        left, right, left_share, right_share = neighbours(x, width)
                        top, bottom, top_share, bottom_share = neighbours(y, height)
                        slope_x = slope_y = slope_weight = np.float32(0)
                        for corner in range(4):
                            column, share_x = (right, right_share) if corner % 2 else (left, left_share)
                            row, share_y = (bottom, bottom_share) if corner // 2 else (top, top_share)
                            inside_x = np.float32(0 <= int(np.floor(x)) + corner % 2 < width)
                            inside_y = np.float32(0 <= int(np.floor(y)) + corner // 2 < height)
                            cell = start + row * width + column
                            source, to_source = value[b, h, cell], to_value[b, h, cell]
                            share = weight * share_x * share_y
                            product = np.float32(0)
                            for c in range(width_of_value):
                                product += incoming[c] * source[c]
                                to_source[c] += share * incoming[c]
                            slope_weight += product * share_x * share_y
                            slope_x += product * inside_x * share_y * (1 if corner % 2 else -1)
                            slope_y += product * inside_y * share_x * (1 if corner // 2 else -1)
                        to_weights[b, q, h, level, p] = slope_weight
                        to_locations[b, q, h, level, p, 0] = slope_x * weight * width
                        to_locations[b, q, h, level, p, 1] = slope_y * weight * height
                    start += height * width

    return sample_backward
