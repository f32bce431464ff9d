"""Masks of objects in an annotation file: polygons, run lengths and their compressed code, measured and checked.

Nothing is handed to pycocotools before it was looked at here: its C code takes what it gets.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pycocotools.mask
from numpy.typing import NDArray

from m2f.kernels import compiled

Size = tuple[int, int]
"""Height and width."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class MaskError(ValueError):
    """What is wrong with a mask, as the end of a sentence that begins with the object, and the mend."""


@dataclass(frozen=True)
class Extent:
    """What of a mask is cheap to know: its box, and for run lengths its pixels."""

    box: Box
    pixels: int | None = None


def extent(segmentation: Any, size: Size) -> Extent:
    """Where a mask lies.

    Args:
        segmentation: of the types of :class:`m2f.data.layout.Instance`, whatever its values.
        size: the image's.

    Raises:
        MaskError: it is no mask of that size.
    """
    if not segmentation:
        raise MaskError("has no 'segmentation'; give its polygons or run lengths, or remove it")
    if isinstance(segmentation, list):
        return polygons_extent(segmentation, size)
    return runs_extent(segmentation, size)


def polygons_extent(polygons: list[list[float]], size: Size) -> Extent:
    """See :func:`extent`."""
    height, width = size
    left = top = math.inf
    right = bottom = -math.inf
    for polygon in polygons:
        count = len(polygon)
        if count < 6 or count % 2:
            numbers = f"{count} number{'' if count == 1 else 's'}"
            raise MaskError(f"has a polygon of {numbers}; it takes x and y of three points or more")
        if not math.isfinite(sum(polygon)):
            raise MaskError("has a polygon with a number that is not finite; write its points in pixels")
        columns, rows = polygon[::2], polygon[1::2]
        left, right = min(left, min(columns)), max(right, max(columns))
        top, bottom = min(top, min(rows)), max(bottom, max(rows))
    # Annotations often pass the border by some pixels; pycocotools' memory grows with what lies far outside.
    if left < -width or right > 2 * width or top < -height or bottom > 2 * height:
        raise MaskError(f"has points far outside of its image of {width} x {height} pixels; write them in pixels")
    if right <= 0 or left >= width or bottom <= 0 or top >= height:
        raise MaskError(f"lies outside of its image of {width} x {height} pixels; remove or mend it")
    return Extent((left, top, right, bottom))


def runs_extent(mask: Mapping[str, Any], size: Size) -> Extent:
    """See :func:`extent`."""
    height, width = size
    if list(mask["size"]) != [height, width]:
        raise MaskError(
            f"has a mask of size {mask['size']} in an image of [{height}, {width}] (height, width); mend it"
        )
    runs = run_lengths(mask["counts"])
    if runs is None or runs.sum() != height * width:
        raise MaskError(f"has a mask whose 'counts' are not the runs of {height} x {width} pixels; encode it again")
    pixels, left, top, right, bottom = measure(runs, height)
    if pixels == 0:
        raise MaskError("has a mask without a pixel; remove it")
    return Extent((left, top, right, bottom), pixels)


def run_lengths(counts: list[int] | str) -> NDArray[np.int64] | None:
    """Runs of background and mask by turns, or None where some cannot be."""
    if isinstance(counts, str):
        runs = decode_runs(np.frombuffer(counts.encode(), np.uint8))
        return runs if len(runs) else None
    if not counts or min(counts) < 0 or max(counts) >= 2**32:
        return None
    return np.array(counts, np.int64)


@compiled()
def decode_runs(code: np.ndarray) -> np.ndarray:
    """Undo ``m2f.metrics.mask_codes.write_code``; empty if the code is none."""
    runs = np.empty(len(code), np.int64)
    count = place = 0
    while place < len(code):
        value: Any = 0
        letters = 0
        more = True
        while more:
            if place == len(code) or letters == 7:
                return runs[:0]
            letter: Any = np.int64(code[place]) - 48
            if letter < 0 or letter > 63:
                return runs[:0]
            value |= (letter & 31) << 5 * letters
            more = letter & 32 != 0
            place += 1
            letters += 1
            if not more and letter & 16:
                value |= -1 << 5 * letters
        if count > 2:
            value += runs[count - 2]
        if value < 0 or value >= 2**32:
            return runs[:0]
        runs[count] = value
        count += 1
    return runs[:count]


@compiled()
def measure(runs: np.ndarray, height: int) -> Any:
    """Pixels, left, top, right and bottom of the runs of a mask."""
    pixels = start = right = bottom = 0
    left: Any = np.int64(2**62)
    top: Any = left
    for index in range(len(runs)):
        end = start + runs[index]
        if index % 2 and end > start:
            first, last = start // height, (end - 1) // height
            one_column = first == last
            pixels += end - start
            left, right = min(left, first), max(right, last + 1)
            top = min(top, start % height if one_column else 0)
            bottom = max(bottom, (end - 1) % height + 1 if one_column else height)
        start = end
    return pixels, left, top, right, bottom


def encoded(segmentation: Any, size: Size) -> dict[str, Any]:
    """A mask of which :func:`extent` has been taken, as pycocotools' compressed code."""
    if isinstance(segmentation, list):
        return pycocotools.mask.merge(pycocotools.mask.frPyObjects(segmentation, *size))
    if isinstance(segmentation["counts"], list):
        return pycocotools.mask.frPyObjects(segmentation, *size)
    return segmentation


def pixel_area(segmentation: Any, size: Size) -> int:
    """How many pixels a mask has of which :func:`extent` has been taken."""
    return int(pycocotools.mask.area(encoded(segmentation, size)))
