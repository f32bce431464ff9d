"""Mean intersection over union of semantic label maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from m2f.data.images import VOID_LABEL, check_labels, from_zero, read_labels
from m2f.errors import InputError
from m2f.files import files_below
from m2f.metrics.annotations import PanopticTruth, check_class_names
from m2f.metrics.overlap_areas import label_areas, overlap_areas
from m2f.registry import METRICS

Areas = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Pixels of intersection, union, prediction and ground truth of an image by class, int64 ``[K]`` each."""


@METRICS.register_module()
class MeanIoU(BaseMetric):
    """``mIoU`` in percent over the classes that occur in ground truth or prediction.

    The ground truth of a sample is its ``gt_sem_seg``; pixels labelled 255 do not count. Once computed, ``by_class``
    holds the ground truth's pixels and the IoU of each class, ``[K]`` each, NaN for a class that does not occur; see
    also :meth:`by_image`.

    Args:
        name: the name of the value, where it is not the class's own.
    """

    default_prefix = ""
    name = "mIoU"

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name or self.name
        self.by_class: dict[str, NDArray[Any]] = {}
        self.areas_by_image: list[NDArray[np.float64]] = []  # intersections and unions [I, K] of the last evaluation

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's areas."""
        classes = len(self.dataset_meta["classes"])
        for sample in data_samples:
            self.results.append(areas_of(self.truth_of(sample, classes), prediction_of(sample), classes))

    def truth_of(self, sample: dict[str, Any], classes: int) -> NDArray[Any]:
        """Labels of an image ``[H, W]``, from 0, 255 for void."""
        return sample["gt_sem_seg"]["data"].squeeze(0).cpu().numpy()

    def compute_metrics(self, results: list[Areas]) -> dict[str, float]:
        """Sum the areas over images and average."""
        by_image = [torch.stack(area).double().numpy() for area in zip(*results, strict=True)]  # [I, K] each
        self.areas_by_image = by_image[:2]
        intersection, union, _, truth = (area.sum(axis=0) for area in by_image)
        iou = np.divide(intersection, union, out=np.full(len(union), np.nan), where=union > 0)
        self.by_class = {"pixels": truth.astype(np.int64), "IoU": 100 * iou}
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

    The reference does so on COCO; elsewhere it has maps, see :class:`MapMeanIoU`. Segments of one class merge, crowds
    keep their class and void does not count (paper section 4.1).

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
            self.results.append(self.areas(sample["img_id"], prediction_of(sample)))

    def areas(self, image_id: Any, prediction: NDArray[Any]) -> Areas:
        """Areas of intersection, union, prediction ``[H, W]`` and ground truth, ``[K]`` each; void is in none."""
        annotation, segment_map = self.truth.read(image_id)
        labels = self.truth.labels
        segments = {part["id"]: labels[part["category_id"]] for part in annotation["segments_info"]}
        pixels = overlap_areas(segment_map, segments, prediction, range(len(labels)))[:-1, :-1]  # [segments, K]
        confusion = torch.zeros(len(labels), len(labels), dtype=torch.int64)
        confusion.index_add_(0, torch.tensor(list(segments.values()), dtype=torch.int64), torch.from_numpy(pixels))
        intersection, predicted, truth = confusion.diagonal(), confusion.sum(0), confusion.sum(1)
        return intersection, predicted + truth - intersection, predicted, truth


@METRICS.register_module()
class MapMeanIoU(MeanIoU):
    """``mIoU_pan`` in percent: a panoptic model's semantic prediction against the data set's semantic maps.

    The reference does so wherever a data set has such maps (train_net.py:81-127). They say more than panoptic ground
    truth: in ADE20K's a pixel of a thing without an instance is void, while its map knows the class.

    Args:
        map_directory: where the maps lie, or in directories below it.
        suffix: what follows an image's id in the name of its map.
        reduce_zero_label: 0 is void and labels begin at 1, as in ADE20K's maps.
        void: label of void where it is not 255, as 65 in Mapillary Vistas'.

    Raises:
        InputError: the directory, or the map of an evaluated image, is missing, of another size, or has other labels.
    """

    name = "mIoU_pan"

    def __init__(
        self,
        map_directory: str,
        suffix: str = ".png",
        reduce_zero_label: bool = False,
        void: int = VOID_LABEL,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.directory = Path(map_directory)
        self.suffix = suffix
        self.first = int(reduce_zero_label)
        self.void = void
        self.paths: dict[str, Path] = {}
        for path in files_below(self.directory):
            name = path.name.removesuffix(suffix)
            if name != path.name and self.paths.setdefault(name, path) != path:
                raise InputError(f"{self.paths[name]} and {path} are maps of one name; rename one, and its image.")
        if not self.paths:
            raise InputError(f"The directory {map_directory} has no semantic maps *{suffix}; fetch them.")

    def path_of(self, image_id: Any) -> Path:
        """The map of an image.

        Raises:
            InputError: it is missing.
        """
        path = self.paths.get(str(image_id))
        if path is None:
            raise InputError(
                f"{self.directory} has no map {image_id}{self.suffix}; evaluate on the split that the image belongs to."
            )
        return path

    def truth_of(self, sample: dict[str, Any], classes: int) -> NDArray[Any]:
        """Labels of an image's map ``[H, W]``, from 0, 255 for void."""
        path = self.path_of(sample["img_id"])
        labels = read_labels(path, tuple(sample["pred_sem_seg"]["data"].shape[-2:]))
        if self.first:
            labels = from_zero(labels)
        labels = np.where(labels == self.void, VOID_LABEL, labels).astype(np.uint8)
        check_labels(path, labels, classes, self.first)
        return labels


def prediction_of(sample: dict[str, Any]) -> NDArray[Any]:
    """The labels ``[H, W]`` that a model has predicted."""
    return sample["pred_sem_seg"]["data"].squeeze(0).cpu().numpy()


def areas_of(truth: NDArray[Any], prediction: NDArray[Any], classes: int) -> Areas:
    """Areas of maps ``[H, W]``; what is void in the ground truth is in none.

    They are counted in whole numbers: float32, as in mmseg's metric, cannot count past 2^24 pixels, which an image of
    Mapillary Vistas has.
    """
    intersection, predicted, annotated = map(torch.from_numpy, label_areas(truth, prediction, classes))
    return intersection, predicted + annotated - intersection, predicted, annotated
