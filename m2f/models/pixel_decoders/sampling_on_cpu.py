"""Deformable attention's softmax, places and bilinear samples in one pass over the queries, for CPUs.

Made of PyTorch's operators each of these steps writes and reads all of its values once more, and rows of a dozen
weights are too short for its softmax. The loops below keep what belongs to one query and head in registers. They are
compiled by numba on first use and kept, see :mod:`m2f.kernels`. What they are compiled for the types of arguments tell,
a tuple the length of a vector, None that there is no softmax.
"""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from m2f.kernels import compiled
from m2f.models.pixel_decoders.lanes import dot, load, plus, store, times, zeros

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)

# Sums in any order; that a number is finite is not assumed, or a place that is NaN would lie anywhere in memory.
ORDER_FREE = {"reassoc", "contract", "arcp", "nsz"}


def sample_on_cpu(
    value: Tensor, sizes: Sequence[int], reference: Tensor, offsets: Tensor, scores: Tensor, softmax: bool
) -> tuple[Tensor, Tensor]:
    """The operator in float32, arguments and results as of :mod:`m2f.models.pixel_decoders.sampling_op`.

    A head's vectors are brought together first, ``[B, heads, N, d]``: side by side they fit a core's cache.
    """
    images, queries, heads, _ = scores.shape
    inputs = [lengths(sizes), reference.contiguous(), offsets.contiguous()]
    samples = value.new_empty(images, queries, heads, value.shape[3])
    scores = scores.contiguous()
    weights = torch.empty_like(scores) if softmax else scores
    run_tasks(sample, by_head(value), [*inputs, scores if softmax else None, samples, weights])
    return samples.flatten(2), weights if softmax else weights.new_empty(0)


def gradients_on_cpu(
    gradient: Tensor,
    value: Tensor,
    sizes: Sequence[int],
    reference: Tensor,
    offsets: Tensor,
    weights: Tensor,
    softmax: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The operator's gradients in float32."""
    vectors, offsets, weights = by_head(value), offsets.contiguous(), weights.contiguous()
    incoming = gradient.contiguous().view(*weights.shape[:3], value.shape[3])
    to_value = torch.zeros_like(vectors)  # several samples add to one vector; the other gradients are written once
    to_offsets, to_scores = torch.empty_like(offsets), torch.empty_like(weights)
    inputs = [lengths(sizes), reference.contiguous(), offsets, weights, True if softmax else None, incoming]
    run_tasks(sample_backward, vectors, [*inputs, to_value, to_offsets, to_scores])
    return by_head(to_value), to_offsets, to_scores


def lengths(sizes: Sequence[int]) -> Tensor:
    """Height and width of each level, ``[levels, 2]``."""
    return torch.tensor(sizes).view(-1, 2)


def by_head(value: Tensor) -> Tensor:
    """``[B, N, heads, d]`` copied to ``[B, heads, N, d]``, or back."""
    return value.transpose(1, 2).contiguous()


def run_tasks(kernel: Callable[..., None], vectors: Tensor, others: Sequence[Tensor | bool | None]) -> None:
    """Run a kernel on as many threads as torch may use, each with its share of the images' heads.

    It is given the first and the last task, a tuple as long as a vector, ``vectors [B, heads, N, d]`` and the others.
    A task is one image and head, so no two threads write to one place and the sums do not depend on the threads.
    Plain threads serve because the kernels hold no lock: numba's own would share an OpenMP runtime with torch and
    change how many threads torch uses.
    """
    images, heads, _, width = vectors.shape
    tasks = images * heads
    arrays = [own.detach().numpy() if isinstance(own, Tensor) else own for own in (vectors, *others)]
    arguments = ((0,) * width, *arrays)
    threads = min(torch.get_num_threads(), tasks)
    if threads == 1:
        kernel(0, tasks, *arguments)
        return
    bounds = np.linspace(0, tasks, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(kernel, *share, *arguments) for share in itertools.pairwise(bounds)]:
            future.result()


@numba.njit(inline="always")
def neighbours(place: np.float32, cells: int) -> tuple[int, int, np.float32, np.float32]:
    """The two cells between whose centres a coordinate lies and their shares; a cell outside has none."""
    first = int(np.floor(place))
    second_share = place - np.float32(first)
    first_share = ONE - second_share
    if first < 0:
        first_share = ZERO
    if first + 1 >= cells:
        second_share = ZERO
    return max(first, 0), min(first + 1, cells - 1), first_share, second_share


@numba.njit(inline="always")
def slopes(place: np.float32, cells: int) -> tuple[np.float32, np.float32]:
    """How the shares of :func:`neighbours` change with the coordinate; a cell outside has none whatever it is."""
    first = int(np.floor(place))
    return -ONE if first >= 0 else ZERO, ONE if first + 1 < cells else ZERO


@numba.njit(inline="always", fastmath=ORDER_FREE)
def normalise(logits: np.ndarray, weights: np.ndarray) -> None:
    """Of one query and head, into ``weights``."""
    largest = logits[0]
    for s in range(1, len(logits)):
        largest = max(largest, logits[s])
    total = ZERO
    for s in range(len(logits)):
        weights[s] = np.exp(logits[s] - largest)
        total += weights[s]
    for s in range(len(logits)):
        weights[s] /= total


@compiled(fastmath=ORDER_FREE)
def sample(
    first: int,
    last: int,
    like: tuple[int, ...],
    value: np.ndarray,
    sizes: np.ndarray,
    reference: np.ndarray,
    offsets: np.ndarray,
    scores: np.ndarray | None,
    samples: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Fill ``samples`` and ``weights`` for tasks ``first`` to ``last``, vectors being as long as ``like``.

    Without scores the weights are given, and nothing is written to them.
    """
    _, queries, heads, levels, points, _ = offsets.shape
    for task in range(first, last):
        b, h = task // heads, task % heads
        vectors = value[b, h]
        for q in range(queries):
            moves, own_weights = offsets[b, q, h], weights[b, q, h]
            if scores is not None:
                normalise(scores[b, q, h], own_weights)
            total = zeros(like)
            start = 0
            for level in range(levels):
                height, width = sizes[level, 0], sizes[level, 1]
                high, wide = np.float32(height), np.float32(width)
                for p in range(points):
                    x = reference[q, 0] * wide + moves[level, p, 0] - HALF
                    y = reference[q, 1] * high + moves[level, p, 1] - HALF
                    if not (-ONE < x < wide and -ONE < y < high):
                        continue
                    weight = own_weights[level * points + p]
                    left, right, left_share, right_share = neighbours(x, width)
                    top, bottom, top_share, bottom_share = neighbours(y, height)
                    row = np.uintp(start + top * width + left)
                    total = plus(total, times(load(vectors, row, like), weight * top_share * left_share))
                    row = np.uintp(start + top * width + right)
                    total = plus(total, times(load(vectors, row, like), weight * top_share * right_share))
                    row = np.uintp(start + bottom * width + left)
                    total = plus(total, times(load(vectors, row, like), weight * bottom_share * left_share))
                    row = np.uintp(start + bottom * width + right)
                    total = plus(total, times(load(vectors, row, like), weight * bottom_share * right_share))
                start += height * width
            store(samples[b, q], np.uintp(h), total)


@numba.njit(inline="always")
def give(
    incoming: Any, share: np.float32, row: np.uintp, vectors: np.ndarray, to_vectors: np.ndarray, like: tuple[int, ...]
) -> Any:
    """Add a corner's share of the gradient to it, and return the product of the gradient and the corner."""
    store(to_vectors, row, plus(load(to_vectors, row, like), times(incoming, share)))
    return dot(incoming, load(vectors, row, like))


@compiled(fastmath=ORDER_FREE)
def sample_backward(
    first: int,
    last: int,
    like: tuple[int, ...],
    value: np.ndarray,
    sizes: np.ndarray,
    reference: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    softmax: bool | None,
    gradient: np.ndarray,
    to_value: np.ndarray,
    to_offsets: np.ndarray,
    to_scores: np.ndarray,
) -> None:
    """Fill the three gradients for tasks ``first`` to ``last``, given the samples'; ``softmax`` is there or not."""
    _, queries, heads, levels, points, _ = offsets.shape
    for task in range(first, last):
        b, h = task // heads, task % heads
        vectors, to_vectors = value[b, h], to_value[b, h]
        for q in range(queries):
            incoming = load(gradient[b, q], np.uintp(h), like)
            moves, own_weights = offsets[b, q, h], weights[b, q, h]
            to_moves, to_own_scores = to_offsets[b, q, h], to_scores[b, q, h]
            mean = ZERO
            start = 0
            for level in range(levels):
                height, width = sizes[level, 0], sizes[level, 1]
                high, wide = np.float32(height), np.float32(width)
                for p in range(points):
                    s = level * points + p
                    x = reference[q, 0] * wide + moves[level, p, 0] - HALF
                    y = reference[q, 1] * high + moves[level, p, 1] - HALF
                    if not (-ONE < x < wide and -ONE < y < high):
                        to_own_scores[s] = ZERO
                        to_moves[level, p] = ZERO
                        continue
                    weight = own_weights[s]
                    left, right, left_share, right_share = neighbours(x, width)
                    top, bottom, top_share, bottom_share = neighbours(y, height)
                    left_slope, right_slope = slopes(x, width)
                    top_slope, bottom_slope = slopes(y, height)
                    cell = np.uintp(start + top * width + left)
                    tl = give(incoming, weight * top_share * left_share, cell, vectors, to_vectors, like)
                    cell = np.uintp(start + top * width + right)
                    tr = give(incoming, weight * top_share * right_share, cell, vectors, to_vectors, like)
                    cell = np.uintp(start + bottom * width + left)
                    bl = give(incoming, weight * bottom_share * left_share, cell, vectors, to_vectors, like)
                    cell = np.uintp(start + bottom * width + right)
                    br = give(incoming, weight * bottom_share * right_share, cell, vectors, to_vectors, like)
                    at_top = left_share * tl + right_share * tr
                    at_bottom = left_share * bl + right_share * br
                    to_weight = top_share * at_top + bottom_share * at_bottom
                    to_own_scores[s] = to_weight
                    mean += weight * to_weight
                    to_moves[level, p, 0] = weight * (
                        top_share * (left_slope * tl + right_slope * tr)
                        + bottom_share * (left_slope * bl + right_slope * br)
                    )
                    to_moves[level, p, 1] = weight * (top_slope * at_top + bottom_slope * at_bottom)
                start += height * width
            if softmax is not None:
                for s in range(levels * points):
                    to_own_scores[s] = own_weights[s] * (to_own_scores[s] - mean)
