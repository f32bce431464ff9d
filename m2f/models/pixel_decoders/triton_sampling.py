"""Deformable sampling on GPUs, in Triton: nothing has to be compiled beforehand, and PyTorch for CUDA brings Triton.

A row is one query's head in one image. Programs compute blocks of rows, for each row all channels of the head side by
side, which lie side by side in memory too. Values may be float32 or half precision; sums are float32.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

ELEMENTS = 512  # rows times channels of a program: four for each thread of four warps
NO_VARIANTS = ["rows", "queries", "cells"]  # they change with every size of image, the code does not


def sample(value: Tensor, sizes: Sequence[int], locations: Tensor, weights: Tensor) -> Tensor:
    """Samples ``[B, Q, heads * d]`` in the values' precision.

    Args:
        value: ``[B, N, heads, d]``.
        sizes: height and width of each level, one after the other.
        locations: ``[B, Q, heads, levels, points, 2]``.
        weights: ``[B, Q, heads, levels, points]``.
    """
    output = value.new_empty(*weights.shape[:2], value.shape[2] * value.shape[3])
    launch(sampling_kernel, sizes, value, locations, weights, output)
    return output


def gradients(
    gradient: Tensor, value: Tensor, sizes: Sequence[int], locations: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of value, locations and weights, each in its precision; arguments as of :func:`sample`.

    Many samples share a cell, so the gradient of value is added up atomically: in no order, and in float32.

    Args:
        gradient: of the samples, ``[B, Q, heads * d]``.
    """
    to_value = torch.zeros(value.shape, dtype=torch.float32, device=value.device)
    to_locations, to_weights = (tensor.new_empty(tensor.shape) for tensor in (locations, weights))
    launch(gradient_kernel, sizes, value, locations, weights, gradient, to_value, to_locations, to_weights)
    return to_value.to(value.dtype), to_locations, to_weights


def launch(
    kernel: Any, sizes: Sequence[int], value: Tensor, locations: Tensor, weights: Tensor, *others: Tensor
) -> None:
    """Run a kernel over all rows."""
    images, cells, heads, width = value.shape
    queries, levels, points = weights.shape[1], weights.shape[3], weights.shape[4]
    rows, lanes = images * queries * heads, triton.next_power_of_2(width)
    block = max(ELEMENTS // lanes, 1)
    tensors = [tensor.contiguous() for tensor in (value, locations, weights, *others)]
    with torch.cuda.device_of(value):
        kernel[(triton.cdiv(rows, block),)](
            lengths(tuple(sizes), value.device),
            *tensors,
            rows,
            queries,
            cells,
            heads,
            levels,
            points,
            width,
            block,
            lanes,
        )


@lru_cache(maxsize=1024)
def lengths(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """``sizes`` on the device. They are kept, since the processor waits for the GPU whenever it copies anew."""
    return torch.tensor(sizes, dtype=torch.int32, device=device)


@triton.jit
def rows_and_lanes(
    rows: tl.tensor,
    queries: tl.tensor,
    cells: tl.tensor,
    heads: tl.constexpr,
    channels: tl.constexpr,
    block: tl.constexpr,
    lanes: tl.constexpr,
) -> tuple[tl.tensor, ...]:
    """The program's rows, its lanes, which of them exist, and where each row's first vector begins in ``value``."""
    row = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    lane = tl.arange(0, lanes)[None, :]
    is_row = row < rows
    is_element = is_row[:, None] & (lane < channels)
    first_vector = (row // (queries * heads) * cells * heads + row % heads) * channels
    return row, lane, is_row, is_element, first_vector


@triton.jit
def place(
    locations: tl.tensor, sample: tl.tensor, is_row: tl.tensor, height: tl.tensor, width: tl.tensor
) -> tuple[tl.tensor, ...]:
    """Where each row takes a sample, in cells from the first one's centre, and whether cells of the level are near."""
    x = tl.load(locations + 2 * sample, is_row, 0.0).to(tl.float32) * width - 0.5
    y = tl.load(locations + 2 * sample + 1, is_row, 0.0).to(tl.float32) * height - 0.5
    near = (x > -1) & (x < width) & (y > -1) & (y < height)
    return tl.where(near, x, 0.0), tl.where(near, y, 0.0), near


@triton.jit
def neighbour(
    x: tl.tensor, y: tl.tensor, height: tl.tensor, width: tl.tensor, right: tl.constexpr, lower: tl.constexpr
) -> tuple[tl.tensor, ...]:
    """One of the four cells around a place: its number in the level, its shares by x and y, and whether it exists."""
    left, top = tl.floor(x), tl.floor(y)
    share_x = x - left if right else 1 - (x - left)
    share_y = y - top if lower else 1 - (y - top)
    column, line = left.to(tl.int32) + right, top.to(tl.int32) + lower
    exists = (column >= 0) & (column < width) & (line >= 0) & (line < height)
    return line * width + column, share_x, share_y, exists


@triton.jit(do_not_specialize=NO_VARIANTS)
def sampling_kernel(
    sizes: tl.tensor,
    value: tl.tensor,
    locations: tl.tensor,
    weights: tl.tensor,
    output: tl.tensor,
    rows: tl.tensor,
    queries: tl.tensor,
    cells: tl.tensor,
    heads: tl.constexpr,
    levels: tl.constexpr,
    points: tl.constexpr,
    channels: tl.constexpr,
    block: tl.constexpr,
    lanes: tl.constexpr,
) -> None:
    """Fill ``output``; all tensors are contiguous."""
    row, lane, is_row, is_element, vectors = rows_and_lanes(rows, queries, cells, heads, channels, block, lanes)
    total = tl.zeros([block, lanes], tl.float32)
    start = 0
    for level in range(levels):
        height, width = tl.load(sizes + 2 * level), tl.load(sizes + 2 * level + 1)
        for point in range(points):
            sample = (row * levels + level) * points + point
            weight = tl.load(weights + sample, is_row, 0.0).to(tl.float32)
            x, y, near = place(locations, sample, is_row, height, width)
            for corner in tl.static_range(4):
                cell, share_x, share_y, exists = neighbour(x, y, height, width, corner % 2, corner // 2)
                element = (vectors + (start + cell) * heads * channels)[:, None] + lane
                vector = tl.load(value + element, is_element & (near & exists)[:, None], 0.0).to(tl.float32)
                total += (weight * share_x * share_y)[:, None] * vector
        start += height * width
    tl.store(output + row[:, None] * channels + lane, total, is_element)


@triton.jit(do_not_specialize=NO_VARIANTS)
def gradient_kernel(
    sizes: tl.tensor,
    value: tl.tensor,
    locations: tl.tensor,
    weights: tl.tensor,
    gradient: tl.tensor,
    to_value: tl.tensor,
    to_locations: tl.tensor,
    to_weights: tl.tensor,
    rows: tl.tensor,
    queries: tl.tensor,
    cells: tl.tensor,
    heads: tl.constexpr,
    levels: tl.constexpr,
    points: tl.constexpr,
    channels: tl.constexpr,
    block: tl.constexpr,
    lanes: tl.constexpr,
) -> None:
    """Fill the three gradients, of which ``to_value`` comes filled with zeros; all tensors are contiguous."""
    row, lane, is_row, is_element, vectors = rows_and_lanes(rows, queries, cells, heads, channels, block, lanes)
    incoming = tl.load(gradient + row[:, None] * channels + lane, is_element, 0.0).to(tl.float32)
    start = 0
    for level in range(levels):
        height, width = tl.load(sizes + 2 * level), tl.load(sizes + 2 * level + 1)
        for point in range(points):
            sample = (row * levels + level) * points + point
            weight = tl.load(weights + sample, is_row, 0.0).to(tl.float32)
            x, y, near = place(locations, sample, is_row, height, width)
            slope_x = tl.zeros([block], tl.float32)
            slope_y = tl.zeros([block], tl.float32)
            slope_weight = tl.zeros([block], tl.float32)
            for corner in tl.static_range(4):
                cell, share_x, share_y, exists = neighbour(x, y, height, width, corner % 2, corner // 2)
                element = (vectors + (start + cell) * heads * channels)[:, None] + lane
                mask = is_element & (near & exists)[:, None]
                vector = tl.load(value + element, mask, 0.0).to(tl.float32)
                product = tl.sum(incoming * vector, axis=1)
                slope_weight += product * share_x * share_y
                slope_x += product * share_y * (2 * (corner % 2) - 1)
                slope_y += product * share_x * (2 * (corner // 2) - 1)
                share = (weight * share_x * share_y)[:, None]
                tl.atomic_add(to_value + element, share * incoming, mask, sem="relaxed")
            tl.store(to_weights + sample, slope_weight, is_row)
            tl.store(to_locations + 2 * sample, slope_x * weight * width, is_row)
            tl.store(to_locations + 2 * sample + 1, slope_y * weight * height, is_row)
        start += height * width
