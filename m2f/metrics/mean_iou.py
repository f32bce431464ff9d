"""Mean intersection over union of semantic label maps, through mmseg's metric."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmseg.evaluation.metrics import IoUMetric

from m2f.data.images import read_segment_ids
from m2f.metrics.annotations import check_class_names, check_image_ids, load_panoptic_annotations
from m2f.registry import METRICS

IGNORED = 255
"""Label of pixels that do not count."""


@METRICS.register_module()
class MeanIoU(IoUMetric):
    """``mIoU`` in percent over the classes that occur in ground truth or prediction.

    The ground truth of a sample is its ``gt_sem_seg``; pixels labelled 255 do not count.
    """

    default_prefix = ""
    name = "mIoU"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(ignore_index=IGNORED, iou_metrics=["mIoU"], **kwargs)

    def compute_metrics(self, results: list[tuple[torch.Tensor, ...]]) -> dict[str, float]:
        """Sum the areas over images in float64 (float32, mmseg's own, cannot count past 2^24 pixels) and average."""
        areas = [torch.stack(area).double().sum(dim=0) for area in zip(*results, strict=True)]
        iou = self.total_area_to_metrics(*areas, metrics=["mIoU"])["IoU"]  # NaN for a class that nowhere occurs
        return {self.name: 100 * float(np.nanmean(iou))}


@METRICS.register_module()
class PanopticMeanIoU(MeanIoU):
    """``mIoU_pan`` in percent: a panoptic model's semantic prediction against labels from panoptic ground truth.

    Segments of one class merge, crowds keep their class and void does not count (paper section 4.1).

    Args:
        panoptic_json: panoptic ground truth in COCO layout; label l is the l-th of its categories.
        panoptic_directory: where its PNGs lie.

    Raises:
        InputError: the ground truth is missing, cut off, or does not fit the data set's classes.
    """

    name = "mIoU_pan"

    def __init__(self, panoptic_json: str, panoptic_directory: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.panoptic_json = Path(panoptic_json)
        self.panoptic_directory = Path(panoptic_directory)
        truth = load_panoptic_annotations(self.panoptic_json, self.panoptic_directory)
        self.categories = truth["categories"]
        self.annotations = {annotation["image_id"]: annotation for annotation in truth["annotations"]}

    @BaseMetric.dataset_meta.setter  # type: ignore[attr-defined]
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Classes of the data set, checked against those of the ground truth."""
        check_class_names(self.panoptic_json, self.categories, dataset_meta["classes"])
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's areas of intersection, union, prediction and ground truth by class."""
        for sample in data_samples:
            truth = torch.from_numpy(self.read_labels(int(sample["img_id"])))
            prediction = sample["pred_sem_seg"]["data"][0].cpu()
            self.results.append(self.intersect_and_union(prediction, truth, len(self.categories), IGNORED))

    def read_labels(self, image_id: int) -> np.ndarray:
        """Labels [H, W] int64 of an image's panoptic ground truth, 255 where it is void."""
        check_image_ids(self.panoptic_json, self.annotations, [image_id])
        annotation = self.annotations[image_id]
        labels = {category["id"]: label for label, category in enumerate(self.categories)}
        segment_ids, inverse = np.unique(
            read_segment_ids(self.panoptic_directory / annotation["file_name"]), return_inverse=True
        )
        label_of_segment = {segment["id"]: labels[segment["category_id"]] for segment in annotation["segments_info"]}
        return np.array([label_of_segment.get(int(segment), IGNORED) for segment in segment_ids])[inverse]
