"""The steps of a pipeline that mmdet and mmseg do not have: loading with clear errors, splitting maps, packing.

A panoptic segment map goes through the geometric transforms as one int32 map of segment ids and is split into masks at
the end, so its cost does not grow with the number of segments.
"""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData
from numpy.typing import NDArray

from m2f.data.images import (
    VOID_LABEL,
    check_labels,
    from_zero,
    image_id,
    read_image,
    read_labels,
    read_segment_ids,
)
from m2f.data.segment_areas import check_segments
from m2f.openmmlab import LoadAnnotations
from m2f.registry import TRANSFORMS

META_KEYS = ("img_path", "ori_shape", "img_shape", "scale_factor", "resized_to")


@TRANSFORMS.register_module(name=["LoadImageFromFile", "LoadImage"])
class LoadImage(BaseTransform):
    """Read ``img_path`` into ``img``, uint8 BGR [H, W, 3], and check its size against the annotation file's.

    Our configs call it ``m2f.LoadImageFromFile``: by that name mmdet's and mmseg's inferencers know what to replace.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``img``, ``img_shape`` and ``ori_shape``."""
        stated = (results["height"], results["width"]) if "height" in results and "width" in results else None
        image = read_image(results["img_path"], stated)
        shape = image.shape[:2]
        return {**results, "img": image, "img_shape": shape, "ori_shape": shape}


@TRANSFORMS.register_module()
class LoadSegmentMap(BaseTransform):
    """Read the panoptic PNG ``seg_map_path`` into ``gt_seg_map``, int32 segment ids [H, W].

    It must be of its image's size and show the segments that are annotated, crowds as well.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``gt_seg_map``."""
        path = results["seg_map_path"]
        segment_map = read_segment_ids(path, results["ori_shape"])
        others = (number for key in ("crowd_ids", "other_ids") for number in results.get(key, []))
        check_segments(path, segment_map, [*results["segment_ids"], *others])
        return {**results, "gt_seg_map": segment_map}


@TRANSFORMS.register_module()
class LoadSemanticMap(LoadAnnotations):
    """mmseg's reading of ``seg_map_path`` into ``gt_seg_map`` uint8 [H, W], through the one reader of images.

    Attributes:
        classes: how many there are, see :func:`m2f.data.semantic.tell_classes`; labels are looked at once it is known.
    """

    classes: int | None = None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``gt_seg_map``."""
        path = results["seg_map_path"]
        labels = read_labels(path, results.get("ori_shape"))
        first = int(results["reduce_zero_label"])
        if first:
            labels = from_zero(labels)
        if results.get("label_map") is not None:
            table = np.arange(256, dtype=np.uint8)
            for old, new in results["label_map"].items():
                table[old] = new
            labels = table[labels]
        if self.classes is not None:
            check_labels(path, labels, self.classes, first)
        return {**results, "gt_seg_map": labels, "seg_fields": [*results["seg_fields"], "gt_seg_map"]}


def split_map(
    label_map: NDArray[Any], values: NDArray[Any], labels: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Masks [N, H, W] of the values that occur in a map [H, W], and their labels [N]."""
    masks = label_map[None] == values[:, None, None].astype(label_map.dtype)
    present = masks.any(axis=(1, 2))
    return masks[present], labels[present]


@TRANSFORMS.register_module()
class SplitSegments(BaseTransform):
    """Split a segment map into the masks of the segments that a crop has left visible."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``gt_seg_map`` by ``target_masks`` [N, H, W] and ``target_labels`` [N]."""
        labels = np.array(results["segment_labels"], dtype=np.int64)
        masks, labels = split_map(results.pop("gt_seg_map"), np.array(results["segment_ids"]), labels)
        return {**results, "target_masks": masks, "target_labels": labels}


@TRANSFORMS.register_module()
class LabelSegments(BaseTransform):
    """Make a segment map a semantic one: segments of a class merge, crowds keep their class, all else is 255."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace segment ids in ``gt_seg_map`` by labels, uint8 [H, W]."""
        ids = [*results["segment_ids"], *results["crowd_ids"]]
        labels = dict(zip(ids, [*results["segment_labels"], *results["crowd_labels"]], strict=True))
        found, places = np.unique(results["gt_seg_map"], return_inverse=True)
        own = np.array([labels.get(number, VOID_LABEL) for number in found.tolist()], np.uint8)
        return {**results, "gt_seg_map": own[places.reshape(results["gt_seg_map"].shape)]}


@TRANSFORMS.register_module()
class SplitClasses(BaseTransform):
    """Split a semantic map into one mask for each class in it; 255 is no class."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``gt_seg_map`` by ``target_masks`` [N, H, W] and ``target_labels`` [N]."""
        semantic = results.pop("gt_seg_map")
        classes = np.flatnonzero(np.bincount(semantic.ravel(), minlength=256)[:255])
        masks, labels = split_map(semantic, classes, classes)
        return {**results, "target_masks": masks, "target_labels": labels}


@TRANSFORMS.register_module()
class CollectInstances(BaseTransform):
    """Take over mmdet's instance masks, without crowds and without those that a crop has emptied."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``target_masks`` [N, H, W] and ``target_labels`` [N] from ``gt_masks`` and ``gt_bboxes_labels``."""
        masks = results.pop("gt_masks").masks.astype(bool)
        present = masks.any(axis=(1, 2)) & ~results["gt_ignore_flags"]
        return {**results, "target_masks": masks[present], "target_labels": results["gt_bboxes_labels"][present]}


@TRANSFORMS.register_module()
class PackSample(BaseTransform):
    """Pack an image and its targets for the model.

    The result is ``dict(inputs, data_samples)``: ``inputs`` uint8 BGR [3, H, W]; the sample has
    ``gt_instances`` (``masks`` bool [N, H, W], ``labels`` int64 [N]) if masks were split off, ``gt_sem_seg``
    (``data`` int64 [1, H, W]) if a semantic map is left, and the meta keys ``img_id`` and ``META_KEYS``.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack."""
        sample = DetDataSample(metainfo={key: results[key] for key in META_KEYS if key in results})
        sample.set_metainfo({"img_id": image_id(results)})
        if "target_masks" in results:
            masks, labels = torch.from_numpy(results["target_masks"]), torch.from_numpy(results["target_labels"])
            sample.gt_instances = InstanceData(masks=masks, labels=labels)
        if "gt_seg_map" in results:
            semantic = torch.from_numpy(results["gt_seg_map"].astype(np.int64))
            sample.gt_sem_seg = PixelData(data=semantic[None])
        image = torch.from_numpy(np.ascontiguousarray(results["img"].transpose(2, 0, 1)))
        return {"inputs": image, "data_samples": sample}
