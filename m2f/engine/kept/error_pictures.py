"""Pictures of where a prediction is wrong."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from m2f.engine.kept.pictures import Segments

OTHER_CLASS = (200, 0, 60)  # RGB, which the colour-blind tell from the next and from grey
OTHER_SEGMENT = (255, 176, 0)
NOTHING = -1  # the label of what belongs to no segment
FOUND = 0.5  # intersection over union above which a segment is found, as PQ has it
DIMMED = (0.45, 110.0)  # contrast and brightness of what is right


def error_picture(image: NDArray[Any], truth: Segments, prediction: Segments, task: str) -> NDArray[np.uint8]:
    """An image in pale grey, with the pixels that a prediction gets wrong in colour.

    ``OTHER_CLASS`` where the predicted class is not the true one; ``OTHER_SEGMENT`` where it is, but belongs to no
    segment that has the true one's class and is found. Semantic segmentation has no segments to find. What the
    annotation leaves out is right, but for instances, of which it tells all.

    Args:
        image: RGB ``[H, W, 3]``.
        truth: what the annotation tells.
        prediction: what was predicted.
        task: panoptic, instance or semantic.

    Returns:
        RGB ``[H, W, 3]``.
    """
    true_map, true_labels = numbered(truth)
    same_class, same_segment = agreement((true_map, true_labels), numbered(prediction))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) * DIMMED[0] + DIMMED[1]
    picture = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    known = (true_labels[true_map] != NOTHING) | (task == "instance")
    picture[known & ~same_class] = OTHER_CLASS
    if task != "semantic":
        picture[known & same_class & ~same_segment] = OTHER_SEGMENT
    return picture


def numbered(segments: Segments) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """A map ``[H, W]`` of segments' places from 1 on, 0 where there is none, and their labels by place."""
    ids, infos = segments
    known = sorted(infos, key=lambda info: info["id"])
    labels = np.array([NOTHING, *(info["label"] for info in known)])
    sorted_ids = np.array([info["id"] for info in known])
    place = np.searchsorted(sorted_ids, ids)
    found = np.append(sorted_ids, -1)[place] == ids
    return np.where(found, place + 1, 0), labels


def agreement(
    truth: tuple[NDArray[np.integer], NDArray[np.integer]], prediction: tuple[NDArray[np.integer], NDArray[np.integer]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where ``[H, W]`` the classes of two numbered maps agree, and where so do segments that are found."""
    (true_map, true_labels), (map_, labels) = truth, prediction
    shape = (len(true_labels), len(labels))
    together = np.bincount((true_map * len(labels) + map_).ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    union = together.sum(axis=1, keepdims=True) + together.sum(axis=0, keepdims=True) - together
    same = true_labels[:, None] == labels[None, :]
    found = same & (together > FOUND * union)
    found[0, 0] = True  # neither has anything there
    return same[true_map, map_], found[true_map, map_]
