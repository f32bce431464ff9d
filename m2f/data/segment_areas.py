"""How many pixels each segment of a panoptic PNG has, and whether it shows the segments that are annotated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m2f.errors import InputError
from m2f.kernels import compiled

VOID = 0


def check_segments(path: str | Path, segment_map: NDArray[np.int32], ids: Sequence[int]) -> None:
    """Check a panoptic PNG against the segments of its annotation, both ways.

    Args:
        path: of the PNG, for the error.
        segment_map: its segment ids ``[H, W]``.
        ids: those of the annotation, crowds as well.

    Raises:
        InputError: it has pixels of other segments, or none of one of these.
    """
    areas = segment_areas(segment_map, ids)
    if areas[-1] or not areas[:-1].all():
        raise InputError(segment_problems(path, segment_map, ids)[0])


def segment_problems(path: str | Path, segment_map: NDArray[np.int32], ids: Sequence[int]) -> list[str]:
    """The contradictions between a panoptic PNG and its annotation; arguments as for :func:`check_segments`."""
    areas = segment_areas(segment_map, ids)
    strange = sorted(set(np.unique(segment_map).tolist()) - {VOID, *ids}) if areas[-1] else []
    absent = [segment for segment, area in zip(ids, areas[:-1].tolist(), strict=True) if area == 0]
    unlisted, unseen = (
        "which its annotation does not list; list it, or make them 0",
        "which its annotation lists; remove it",
    )
    return [
        *(f"{path} has pixels of segment {segment}, {unlisted}." for segment in strange),
        *(f"{path} has no pixel of segment {segment}, {unseen}." for segment in absent),
    ]


def segment_areas(segment_map: NDArray[np.int32], ids: Sequence[int]) -> NDArray[np.int64]:
    """Pixels of each of S segments, and of all other ids but 0 together, ``[S + 1]``."""
    wanted = np.array(ids, np.int64)
    areas = np.zeros(len(wanted) + 1, np.int64)
    add_runs(segment_map.ravel(), wanted, areas)
    return areas


@compiled()
def add_runs(pixels: np.ndarray, ids: np.ndarray, areas: np.ndarray) -> None:
    """Add the lengths of runs of equal pixels to ``areas``; an id is looked up once a run, not once a pixel."""
    start = 0
    for pixel in range(1, len(pixels) + 1):
        if pixel == len(pixels) or pixels[pixel] != pixels[start]:
            if pixels[start] != 0:
                place = 0
                while place < len(ids) and ids[place] != pixels[start]:
                    place += 1
                areas[place] += pixel - start
            start = pixel
