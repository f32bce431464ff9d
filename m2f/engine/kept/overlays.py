"""A picture with what was seen in it painted over it, each segment with the name of its class."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmdet.structures import DetDataSample
from numpy.typing import NDArray

from m2f.data.colours import Colour, panoptic_picture
from m2f.engine.kept.pictures import predicted_segments

OPACITY = 0.55  # of the colours
SMALLEST = 0.002  # share of the image below which a segment has no name written on it
FONT = cv2.FONT_HERSHEY_SIMPLEX


def overlay(
    sample: DetDataSample, image: NDArray[np.uint8], classes: Sequence[str], palette: Sequence[Colour]
) -> NDArray[np.uint8]:
    """Paint a sample's prediction over its image, of instances those that score at least a half.

    Args:
        sample: with the prediction.
        image: BGR ``[H, W, 3]``.
        classes: the name of each label.
        palette: the colour of each label.

    Returns:
        RGB ``[H, W, 3]``.
    """
    segments, infos = predicted_segments(sample)
    painted = panoptic_picture(segments, infos, palette)
    known = np.isin(segments, [info["id"] for info in infos])[:, :, None]
    photo = image[:, :, ::-1]
    picture = np.where(known, OPACITY * painted + (1 - OPACITY) * photo, photo).astype(np.uint8)
    for info in infos:
        write_name(picture, segments == info["id"], classes[info["label"]])
    return picture


def write_name(picture: NDArray[np.uint8], mask: NDArray[np.bool_], name: str) -> None:
    """Write a name where a mask ``[H, W]`` is widest, white on a dark edge; names of small segments are left out."""
    if mask.mean() < SMALLEST:
        return
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    scale = max(picture.shape[:2]) / 1600 + 0.2
    (width, height), _ = cv2.getTextSize(name, FONT, scale, 1)
    corner = (int(np.clip(x - width // 2, 0, max(picture.shape[1] - width, 0))), int(y + height // 2))
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, name, corner, FONT, scale, colour, thickness, cv2.LINE_AA)
