"""Mean intersection over union of semantic label maps, through mmseg's metric."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmseg.evaluation.metrics import IoUMetric
from numpy.typing import NDArray

from m2f.metrics.annotations import PanopticTruth, check_class_names
from m2f.metrics.overlap_areas import overlap_areas
from m2f.registry import METRICS

IGNORED = 255
"""Label of pixels that do not count."""


@METRICS.register_module()
class MeanIoU(IoUMetric):
    """``mIoU`` in percent over the classes that occur in ground truth or prediction.

    The ground truth of a sample is its ``gt_sem_seg``; pixels labelled 255 do not count. Once computed, ``by_class``
    holds the ground truth's pixels and the IoU of each class, ``[K]`` each, NaN for a class that does not occur; see
    also :meth:`by_image`.
    """

    default_prefix = ""
    name = "mIoU"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(ignore_index=IGNORED, iou_metrics=["mIoU"], **kwargs)
        self.by_class: dict[str, NDArray[Any]] = {}
        self.areas_by_image: list[NDArray[np.float64]] = []  # intersections and unions [I, K] of the last evaluation

    def compute_metrics(self, results: list[tuple[torch.Tensor, ...]]) -> dict[str, float]:
        """Sum the areas over images in float64 (float32, mmseg's own, cannot count past 2^24 pixels) and average."""
        by_image = [torch.stack(area).double() for area in zip(*results, strict=True)]  # [I, K] each
        self.areas_by_image = [area.numpy() for area in by_image[:2]]
        areas = [area.sum(dim=0) for area in by_image]
        iou = self.total_area_to_metrics(*areas, metrics=["mIoU"])["IoU"]  # NaN for a class that nowhere occurs
        self.by_class = {"pixels": areas[3].long().numpy(), "IoU": 100 * np.asarray(iou)}
        return {self.name: 100 * float(np.nanmean(iou))}

    def parts_by_image(self) -> dict[str, NDArray[np.float64]]:
        """Once computed, areas of intersection and union of each image ``[I, 2, K]``, whose sums make the metric."""
        return {self.name: np.stack(self.areas_by_image, axis=1)} if self.areas_by_image else {}

    def by_image(self) -> dict[str, NDArray[np.float64]]:
        """Once computed, the mean IoU of each image alone in percent ``[I]``, in the order of evaluation.

        It is the mean over the classes that occur in the image or its prediction, NaN without any.
        """
        if not self.areas_by_image:
            return {}
        intersections, unions = self.areas_by_image
        number = (unions > 0).sum(axis=1)
        total = (intersections / np.maximum(unions, 1)).sum(axis=1)
        return {self.name: 100 * np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)}


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
        self.truth = PanopticTruth(Path(panoptic_json), Path(panoptic_directory))

    @BaseMetric.dataset_meta.setter  # type: ignore[attr-defined]
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Classes of the data set, checked against those of the ground truth."""
        check_class_names(self.truth.path, self.truth.categories, dataset_meta["classes"])
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's areas of intersection, union, prediction and ground truth by class."""
        for sample in data_samples:
            prediction = sample["pred_sem_seg"]["data"][0].cpu().numpy()  # [H, W]
            self.results.append(self.areas(sample["img_id"], prediction))

    def areas(self, image_id: Any, prediction: NDArray[Any]) -> tuple[torch.Tensor, ...]:
        """Areas of intersection, union, prediction ``[H, W]`` and ground truth, ``[K]`` each; void is in none."""
        annotation, segment_map = self.truth.read(image_id)
        labels = self.truth.labels
        segments = {part["id"]: labels[part["category_id"]] for part in annotation["segments_info"]}
        pixels = overlap_areas(segment_map, segments, prediction, range(len(labels)))[:-1, :-1]  # [segments, K]
        confusion = torch.zeros(len(labels), len(labels), dtype=torch.int64)
        confusion.index_add_(0, torch.tensor(list(segments.values()), dtype=torch.int64), torch.from_numpy(pixels))
        intersection, predicted, truth = confusion.diagonal(), confusion.sum(0), confusion.sum(1)
        return intersection, predicted + truth - intersection, predicted, truth
