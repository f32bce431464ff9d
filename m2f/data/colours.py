"""Colours for pictures of segments."""

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]  # RGB

GOLDEN_ANGLE = 0.381966  # of a turn: any number of successive hues keep their distance
VOID_COLOUR = (0, 0, 0)


def class_colour(label: int) -> Colour:
    """A colour for a class whose data set gives it none."""
    hue, value = label * GOLDEN_ANGLE % 1, (0.9, 0.7, 0.55)[label % 3]
    red, green, blue = (round(255 * channel) for channel in colorsys.hsv_to_rgb(hue, 0.65, value))
    return red, green, blue


def panoptic_picture(
    segment_map: NDArray[np.integer], segments_info: Sequence[dict[str, Any]], palette: Sequence[Colour]
) -> NDArray[np.uint8]:
    """Paint segments in the colours of their classes, instances of a class a little apart, with dark contours.

    Args:
        segment_map: segment ids [H, W]; ids that ``segments_info`` does not have are void and black.
        segments_info: ``dict(id, label)`` of each segment, ``label`` being an index into ``palette``.
        palette: colour of each class.

    Returns:
        RGB [H, W, 3].
    """
    picture = np.full((*segment_map.shape, 3), VOID_COLOUR, dtype=np.uint8)
    seen: dict[int, int] = {}
    for segment in segments_info:
        label = int(segment["label"])
        number = seen[label] = seen.get(label, 0) + 1
        picture[segment_map == segment["id"]] = _vary(palette[label], number)
    picture[_contours(segment_map)] //= 2
    return picture


def _vary(colour: Colour, number: int) -> NDArray[np.uint8]:
    """The colour of the ``number``-th segment of a class: the class's own, then lighter and darker by turns."""
    shift = (number // 2) * 18 * (-1) ** number
    return np.clip(np.array(colour) + shift, 0, 255).astype(np.uint8)


def _contours(segment_map: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Pixels [H, W] whose right or lower neighbour belongs to another segment."""
    contours = np.zeros(segment_map.shape, dtype=bool)
    contours[:, :-1] |= segment_map[:, :-1] != segment_map[:, 1:]
    contours[:-1] |= segment_map[:-1] != segment_map[1:]
    return contours
