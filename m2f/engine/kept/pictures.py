"""What pictures show of ground truth and predictions, for all three tasks."""

from typing import Any

import numpy as np
import pycocotools.mask
from mmdet.structures import DetDataSample
from mmengine.dataset import BaseDataset
from numpy.typing import NDArray

from m2f.data.colours import Colour, class_colour
from m2f.data.images import read_segment_ids

SHOWN_SCORE = 0.5
VOID_LABEL = 255

Segments = tuple[NDArray[np.integer], list[dict[str, Any]]]
"""A map of segment ids ``[H, W]`` and ``dict(id, label)`` of each segment."""


def true_segments(dataset: BaseDataset, sample: DetDataSample) -> Segments:
    """What the annotation of a sample's image tells."""
    if "gt_sem_seg" in sample:
        return class_segments(sample.gt_sem_seg.data[0].cpu().numpy())
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return annotated_segments(next(info for info in infos if info["img_id"] == sample.img_id))


def predicted_segments(sample: DetDataSample) -> Segments:
    """What of a sample's prediction is shown; of instances those that score at least ``SHOWN_SCORE``."""
    if "pred_panoptic_seg" in sample:
        return sample.pred_panoptic_seg.data[0].cpu().numpy(), sample.segments_info
    if "pred_instances" in sample:
        instances = sample.pred_instances[sample.pred_instances.scores >= SHOWN_SCORE]
        order = instances.scores.argsort(descending=True)
        masks, labels = instances.masks[order].cpu().numpy(), instances.labels[order].tolist()
        return layered_segments(masks, labels, sample.ori_shape)
    return class_segments(sample.pred_sem_seg.data[0].cpu().numpy())


def palette(dataset: BaseDataset) -> list[Colour]:
    """The data set's own colours, or generated ones."""
    given = dataset.metainfo.get("palette")
    return list(given or [class_colour(label) for label in range(len(dataset.metainfo["classes"]))])


def annotated_segments(info: dict[str, Any]) -> Segments:
    """Segments of a panoptic or instance annotation."""
    if "segment_ids" in info:
        pairs = zip(info["segment_ids"], info["segment_labels"], strict=True)
        return read_segment_ids(info["seg_map_path"]), [{"id": id_, "label": label} for id_, label in pairs]
    size = (info["height"], info["width"])
    things = [thing for thing in info["instances"] if not thing["ignore_flag"]]
    masks = np.array([decode(thing["mask"], size) for thing in things], dtype=bool).reshape(-1, *size)
    smallest_first = masks.sum(axis=(1, 2)).argsort(kind="stable")
    return layered_segments(masks[smallest_first], [things[i]["bbox_label"] for i in smallest_first], size)


def decode(mask: Any, size: tuple[int, int]) -> NDArray[np.uint8]:
    """COCO's polygons or RLE as ``[H, W]``."""
    if isinstance(mask, list):
        mask = pycocotools.mask.merge(pycocotools.mask.frPyObjects(mask, *size))
    elif isinstance(mask["counts"], list):
        mask = pycocotools.mask.frPyObjects(mask, *size)
    return pycocotools.mask.decode(mask)


def layered_segments(masks: NDArray[np.bool_], labels: list[int], size: tuple[int, int]) -> Segments:
    """Masks ``[N, H, W]`` laid over one another, the first on top."""
    segments = np.zeros(size, dtype=np.int32)
    for number in range(len(masks), 0, -1):
        segments[masks[number - 1]] = number
    return segments, [{"id": number, "label": label} for number, label in enumerate(labels, start=1)]


def class_segments(semantic: NDArray[np.integer]) -> Segments:
    """A semantic map as one segment a class."""
    labels = [int(label) for label in np.unique(semantic) if label != VOID_LABEL]
    return semantic.astype(np.int32) + 1, [{"id": label + 1, "label": label} for label in labels]
