"""Panoptic quality (Kirillov et al., 2019): PQ, SQ and RQ over all classes, things and stuff."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from m2f.errors import InputError
from m2f.metrics.annotations import PanopticTruth, check_class_names
from m2f.metrics.segment_matching import match_segments
from m2f.registry import METRICS


@METRICS.register_module()
class PanopticQuality(BaseMetric):
    """PQ, SQ and RQ in percent, each over all classes, things (``_th``) and stuff (``_st``).

    A group of classes that occurs neither in the evaluated images nor in their predictions has no value and no key.
    Once computed, ``by_class`` holds the ground truth's segments without crowds, PQ, SQ and RQ of each class, ``[K]``
    each; the qualities of a class that does not occur are NaN; see also :meth:`by_image`.

    Args:
        panoptic_json: panoptic ground truth in COCO layout; label l is the l-th of its categories.
        panoptic_directory: where its PNGs lie.

    Raises:
        InputError: the ground truth is missing, cut off, or does not fit the data set's classes or a prediction.
    """

    default_prefix = ""

    def __init__(self, panoptic_json: str, panoptic_directory: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.truth = PanopticTruth(Path(panoptic_json), Path(panoptic_directory))
        self.by_class: dict[str, NDArray[Any]] = {}
        self.counts: NDArray[np.float64] = np.zeros((0, 4, len(self.truth.categories)))  # of the images evaluated last

    @BaseMetric.dataset_meta.setter  # type: ignore[attr-defined]
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Classes of the data set, checked against those of the ground truth."""
        check_class_names(self.truth.path, self.truth.categories, dataset_meta["classes"])
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Match each image's segments and keep the counts ``[4, K]``, see :func:`match_segments`."""
        for sample in data_samples:
            self.results.append(self.match(sample, *self.truth.read(sample["img_id"])))

    def match(
        self, sample: dict[str, Any], annotation: dict[str, Any], truth: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Counts of one prediction against an image's ground truth, see :func:`match_segments`."""
        predicted = sample["pred_panoptic_seg"]["data"][0].cpu().numpy()  # [H, W]
        labels = {int(segment["id"]): int(segment["label"]) for segment in sample["segments_info"]}
        try:
            return match_segments(truth, annotation["segments_info"], predicted, labels, self.truth.labels)
        except ValueError as error:
            image = f"image {annotation['image_id']} of {self.truth.path}"
            raise InputError(
                f"The prediction for {image} does not fit: {error}; evaluate the images that were annotated."
            ) from error

    def compute_metrics(self, results: list[NDArray[np.float64]]) -> dict[str, float]:
        """Quality by class from the sums over images, averaged over each group's classes that occur."""
        self.counts = np.stack(results)  # [I, 4, K]
        counts = self.counts.sum(axis=0)  # [4, K]
        qualities, occurs = quality_by_class(counts)
        segments = (counts[1] + counts[3]).astype(int)
        percents = zip(("PQ", "SQ", "RQ"), np.where(occurs, 100 * qualities, np.nan), strict=True)
        self.by_class = {"segments": segments, **dict(percents)}
        things = np.array([bool(category.get("isthing", 1)) for category in self.truth.categories])
        return {
            name + suffix: 100 * float(values[occurs & group].mean())
            for suffix, group in (("", True), ("_th", things), ("_st", ~things))
            for name, values in zip(("PQ", "SQ", "RQ"), qualities, strict=True)
            if (occurs & group).any()
        }

    def parts_by_image(self) -> dict[str, NDArray[np.float64]]:
        """Once computed, the counts of each image ``[I, 4, K]``, see :func:`match_segments`, whose sums make PQ."""
        return {"PQ": self.counts}

    def by_image(self) -> dict[str, NDArray[np.float64]]:
        """Once computed, PQ of each image alone in percent ``[I]``, in the order in which they were evaluated.

        It is the mean over the classes that occur in the image or its prediction, NaN without any.
        """
        qualities, occurs = quality_by_class(self.counts.transpose(1, 0, 2))  # [3, I, K], [I, K]
        total = np.where(occurs, qualities[0], 0).sum(axis=1)
        number = occurs.sum(axis=1)
        return {"PQ": 100 * np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)}


def quality_by_class(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """PQ, SQ and RQ ``[3, ..., K]`` in [0, 1], and whether a class occurs ``[..., K]``, from counts ``[4, ..., K]``."""
    iou, matched, wrong, missed = counts
    weight = matched + wrong / 2 + missed / 2
    segmentation = iou / np.maximum(matched, 1)
    recognition = matched / np.maximum(weight, 0.5)
    return np.stack([segmentation * recognition, segmentation, recognition]), weight > 0
