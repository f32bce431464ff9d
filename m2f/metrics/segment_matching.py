"""Matching the segments of an image as panoptic quality does (Kirillov et al., 2019, section 4.1).

Segments of one class match if their IoU is above one half, which at most one can be. Crowd and void are treated as in
panopticapi (evaluation.py, pq_compute_single_core): neither is to be found, void is part of no union, and a prediction
that finds nothing is excused if more than half of it lies in void and in the crowd of its class.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m2f.metrics.overlap_areas import overlap_areas

VOID = 0


def match_segments(
    truth_map: NDArray[np.int32],
    truth: Sequence[Mapping[str, Any]],
    predicted_map: NDArray[np.int32],
    predicted: Mapping[int, int],
    labels: Mapping[int, int],
) -> NDArray[np.float64]:
    """Match the segments of an image and count by class.

    Args:
        truth_map: ids of the annotated segments ``[H, W]``, 0 for void.
        truth: those T segments, each with ``id``, ``category_id`` and ``iscrowd``; their areas are measured, whatever
            is annotated.
        predicted_map: ids of the predicted segments ``[H, W]``, 0 for void.
        predicted: label of each of the P predicted segments by its id.
        labels: label of each of the K categories by its id.

    Returns:
        ``[4, K]``: sum of the IoUs of matched pairs, matched pairs, unmatched predictions that are not excused, and
        annotated segments that are not found.

    Raises:
        ValueError: the maps differ in size, or the predicted map's ids are not those of the predicted segments.
    """
    truth_ids = [segment["id"] for segment in truth]
    pixels = overlap_areas(truth_map, [*truth_ids, VOID], predicted_map, [*predicted, VOID])  # [T + 2, P + 2]
    areas = pixels[:, :-2].sum(axis=0)  # [P]
    check_segments(predicted, areas, strange_pixels=pixels[:, -1].sum())
    shared, void = pixels[:-2, :-2], pixels[-2, :-2]  # [T, P], [P]

    truth_labels = np.array([labels[segment["category_id"]] for segment in truth], np.int64)
    predicted_labels = np.array(list(predicted.values()), np.int64)
    truth_areas = pixels[:-2].sum(axis=1)  # [T]
    crowd = np.array([segment["iscrowd"] for segment in truth], bool)

    comparable = (truth_labels[:, None] == predicted_labels) & ~crowd[:, None]
    unions = truth_areas[:, None] + areas - shared - void
    ious = np.divide(shared, unions, out=np.zeros(shared.shape), where=comparable & (shared > 0))
    found, finder = np.nonzero(ious > 0.5)
    missed = ~crowd
    missed[found] = False
    wrong = 2 * (void + crowd_areas(truth_labels, crowd, predicted_labels, shared)) <= areas
    wrong[finder] = False
    return np.stack(
        [
            np.bincount(truth_labels[found], ious[found, finder], len(labels)),
            np.bincount(truth_labels[found], minlength=len(labels)),
            np.bincount(predicted_labels[wrong], minlength=len(labels)),
            np.bincount(truth_labels[missed], minlength=len(labels)),
        ]
    )


def check_segments(predicted: Mapping[int, int], areas: NDArray[np.int64], strange_pixels: int) -> None:
    """Check that a predicted map shows the predicted segments and no other.

    Raises:
        ValueError: it does not.
    """
    if strange_pixels:
        raise ValueError(f"{strange_pixels} pixels of its map belong to none of its segments")
    for segment, area in zip(predicted, areas.tolist(), strict=True):
        if area == 0:
            raise ValueError(f"its segment {segment} has no pixel in its map")


def crowd_areas(
    truth_labels: NDArray[np.int64],
    crowd: NDArray[np.bool_],
    predicted_labels: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Pixels that each prediction shares with the crowd of its class; of several crowds with the last, ``[P]``."""
    areas = np.zeros(len(predicted_labels), np.int64)
    for row in np.flatnonzero(crowd):
        own = predicted_labels == truth_labels[row]
        areas[own] = shared[row, own]
    return areas
