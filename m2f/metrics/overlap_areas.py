"""How many pixels the segments of two maps share: what panoptic quality and mean IoU count with."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m2f.kernels import compiled


def overlap_areas(
    first_map: NDArray[np.int32], first: Iterable[int], second_map: NDArray[np.int32], second: Iterable[int]
) -> NDArray[np.int64]:
    """Count the pixels that segments of one map share with segments of another.

    Args:
        first_map: ids ``[H, W]``.
        first: the F ids that are told apart; all others are counted together, as the last row.
        second_map: ids ``[H, W]``.
        second: the S ids that are told apart; all others are counted together, as the last column.

    Returns:
        ``[F + 1, S + 1]`` pixels.

    Raises:
        ValueError: the maps differ in size.
    """
    if first_map.shape != second_map.shape:
        raise ValueError(f"its size is {second_map.shape} (height, width), that of the ground truth {first_map.shape}")
    rows, columns = np.array(list(first), np.int64), np.array(list(second), np.int64)
    areas = np.zeros((len(rows) + 1, len(columns) + 1), np.int64)
    if first_map.size:
        count_runs(first_map.ravel(), rows, second_map.ravel(), columns, areas)
    return areas


def label_areas(truth: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count the pixels that two maps of labels share, and those of each, by class.

    Args:
        truth: labels ``[H, W]``; pixels whose label is none of the classes do not count.
        predicted: labels ``[H, W]``.
        classes: how many there are.

    Returns:
        ``[3, K]`` pixels: shared, predicted, annotated.

    Raises:
        ValueError: the maps differ in size.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"its size is {predicted.shape} (height, width), that of the ground truth {truth.shape}")
    areas = np.zeros((3, classes), np.int64)
    count_labels(np.ascontiguousarray(truth).ravel(), np.ascontiguousarray(predicted).ravel(), areas)
    return areas


@compiled()
def count_labels(truth: np.ndarray, predicted: np.ndarray, areas: np.ndarray) -> None:
    """Add the lengths of runs of equal pixels to ``areas``."""
    classes = areas.shape[1]
    start = 0
    for pixel in range(1, len(truth) + 1):
        if pixel == len(truth) or truth[pixel] != truth[start] or predicted[pixel] != predicted[start]:
            own, other = np.int64(truth[start]), np.int64(predicted[start])
            if 0 <= own < classes:
                areas[2, own] += pixel - start
                if 0 <= other < classes:
                    areas[1, other] += pixel - start
                if own == other:
                    areas[0, own] += pixel - start
            start = pixel


@compiled()
def count_runs(first: np.ndarray, rows: np.ndarray, second: np.ndarray, columns: np.ndarray, areas: np.ndarray) -> None:
    """Add the lengths of runs of equal pixels to ``areas``; an id is looked up once a run, not once a pixel."""
    start = 0
    for pixel in range(1, len(first) + 1):
        if pixel == len(first) or first[pixel] != first[start] or second[pixel] != second[start]:
            areas[position(rows, first[start]), position(columns, second[start])] += pixel - start
            start = pixel


@compiled()
def position(ids: np.ndarray, wanted: int) -> int:
    """Where an id stands; behind the last if nowhere."""
    for index in range(len(ids)):
        if ids[index] == wanted:
            return index
    return len(ids)
