"""COCO's average precision and recall of instance masks, and the precision of their boundaries.

Mask AP is hotcoco's, which equals pycocotools'. Boundary AP is matched and accumulated by faster-coco-eval.
"""

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cv2
import faster_coco_eval
import hotcoco
import numpy as np
import pycocotools.mask
import torch
from numpy.typing import NDArray

BOUNDARY_WIDTH = 0.02
"""Of the image's diagonal (Boundary IoU, section 4)."""

Detections = Sequence[dict[str, Any]]
"""Each with ``image_id``, ``category_id``, ``score`` and run-length encoded ``segmentation``."""


def image_numbers(truth: Mapping[str, Any]) -> dict[Any, int]:
    """A number from 1 for each image of the ground truth, in the order of the ids: the libraries take no other ids."""
    ids = sorted((image["id"] for image in truth["images"]), key=lambda own: (isinstance(own, str), own))
    return {own: number for number, own in enumerate(ids, start=1)}


def numbered(entries: Iterable[Mapping[str, Any]], numbers: Mapping[Any, int]) -> list[dict[str, Any]]:
    """Copies of objects or detections, themselves and their images numbered from 1.

    Libraries take an object with the id 0 for none, and of two with one id they see the last.
    """
    return [
        {**entry, "id": number, "image_id": numbers[entry["image_id"]]} for number, entry in enumerate(entries, start=1)
    ]


def numbered_truth(truth: Mapping[str, Any], numbers: Mapping[Any, int]) -> dict[str, Any]:
    """Ground truth in COCO layout, objects and images numbered from 1."""
    return {
        "images": [{**image, "id": numbers[image["id"]]} for image in truth["images"]],
        "annotations": numbered(truth["annotations"], numbers),
        "categories": truth["categories"],
    }


def mask_statistics(truth: Mapping[str, Any], detections: Detections, image_ids: Sequence[Any]) -> dict[str, float]:
    """COCO's statistics of masks, averaged over classes.

    Args:
        truth: instance ground truth in COCO layout.
        detections: see :data:`Detections`.
        image_ids: of the evaluated images.

    Returns:
        ``AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl`` in [0, 1], -1 where there is no ground truth.
    """
    return statistics_of(mask_evaluation(truth, detections, image_ids))


def statistics_of(evaluation: hotcoco.COCOeval) -> dict[str, float]:
    """What :func:`mask_statistics` returns, from an evaluation that has run."""
    return dict(zip(evaluation.metric_keys(), map(float, evaluation.stats), strict=True))


def mask_evaluation(truth: Mapping[str, Any], detections: Detections, image_ids: Sequence[Any]) -> hotcoco.COCOeval:
    """COCO's evaluation of masks, which has run. Arguments as for :func:`mask_statistics`."""
    numbers = image_numbers(truth)
    annotated = hotcoco.COCO(numbered_truth(truth, numbers))
    evaluation = hotcoco.COCOeval(annotated, annotated.load_res(numbered(detections, numbers)), "segm")
    evaluation.params.img_ids = sorted(numbers[image_id] for image_id in image_ids)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.run()
    return evaluation


def class_precisions(evaluation: "hotcoco.COCOeval | BoundaryEvaluation", truth: Mapping[str, Any]) -> dict[int, float]:
    """AP in [0, 1] by the category's id, of those with ground truth, from an evaluation that has run."""
    # [thresholds, recalls, categories by id, sizes, limits of detections], -1 without ground truth
    precisions = np.asarray(evaluation.eval["precision"])[:, :, :, 0, -1].mean(axis=(0, 1))  # type: ignore[index]
    category_ids = sorted(category["id"] for category in truth["categories"])
    return {key: float(value) for key, value in zip(category_ids, precisions, strict=True) if value >= 0}


def image_precisions(
    evaluation: hotcoco.COCOeval, truth: Mapping[str, Any], image_ids: Sequence[Any]
) -> NDArray[np.float64]:
    """AP of each image alone in [0, 1], ``[I]``, NaN without ground truth, from an evaluation of them that has run."""
    numbers = image_numbers(truth)
    slices = evaluation.slice_by({str(numbers[image_id]): [numbers[image_id]] for image_id in image_ids})
    values = np.array([slices[str(numbers[image_id])]["AP"] for image_id in image_ids])
    return np.where(values < 0, np.nan, values)


def boundary_precision(truth: Mapping[str, Any], detections: Detections, image_ids: Sequence[Any]) -> float:
    """AP where the overlap of two masks is the smaller of their IoU and their Boundary IoU (Cheng et al., 2021).

    Arguments as for :func:`mask_statistics`; -1 without ground truth.
    """
    return precision_of(boundary_evaluation(truth, detections, image_ids))


def precision_of(evaluation: "BoundaryEvaluation") -> float:
    """What :func:`boundary_precision` returns, from an evaluation that has run."""
    return float(evaluation.stats_as_dict["AP_all"])


def boundary_evaluation(
    truth: Mapping[str, Any], detections: Detections, image_ids: Sequence[Any]
) -> "BoundaryEvaluation":
    """The evaluation behind :func:`boundary_precision`, which has run."""
    evaluated = set(image_ids)
    numbers = image_numbers(truth)
    frame = {
        "images": [{**image, "id": numbers[image["id"]]} for image in truth["images"]],
        "categories": truth["categories"],
    }
    objects = numbered((entry for entry in truth["annotations"] if entry["image_id"] in evaluated), numbers)
    areas = hotcoco.mask.area([detection["segmentation"] for detection in detections])
    found = [
        {**detection, "area": int(area), "iscrowd": 0}
        for detection, area in zip(numbered(detections, numbers), areas, strict=True)
    ]
    evaluation = BoundaryEvaluation(
        faster_coco_eval.COCO(frame | {"annotations": objects}),
        faster_coco_eval.COCO(frame | {"annotations": found}),
        iouType="segm",
        rle_iou_max_workers=torch.get_num_threads(),  # a run's share of the cores
    )
    evaluation.params.imgIds = sorted(numbers[image_id] for image_id in evaluated)
    evaluation.run()
    return evaluation


class BoundaryEvaluation(faster_coco_eval.COCOeval_faster):
    """faster-coco-eval's mask evaluation with Boundary IoU where it can matter.

    It matters where the masks' own IoU reaches the lowest threshold: elsewhere nothing matches whatever the boundaries
    are. faster-coco-eval's own takes the boundary of every mask, ten times as many.
    """

    def computeIoU(self, image_id: int, category_id: int) -> list[float] | NDArray[np.float64]:  # noqa: N802
        """Overlaps ``[detections, objects]`` of one class in one image, best detection first."""
        overlaps = super().computeIoU(image_id, category_id)
        if len(overlaps) == 0:
            return overlaps
        objects = self.gt_dataset.get(image_id, category_id)
        detections = self.dt_dataset.get(image_id, category_id)
        order = np.argsort([-detection["score"] for detection in detections], kind="stable")[: len(overlaps)]
        crowd = np.array([annotation.get("iscrowd", 0) for annotation in objects], bool)
        close = (overlaps >= self.params.iouThrs[0]) & ~crowd
        if close.any():
            rows, columns = np.flatnonzero(close.any(axis=1)), np.flatnonzero(close.any(axis=0))
            boundary_overlaps = pycocotools.mask.iou(
                [boundary(detections[index]["rle"]) for index in order[rows]],
                [boundary(objects[index]["rle"]) for index in columns],
                [0] * len(columns),
            )
            limits = np.full_like(overlaps, np.inf)
            limits[np.ix_(rows, columns)] = boundary_overlaps
            np.minimum(overlaps, limits, out=overlaps, where=close)
        return overlaps


def boundary(code: dict[str, Any]) -> dict[str, Any]:
    """The pixels of a run-length encoded mask that are near its contour, within 2% of the image's diagonal."""
    mask = pycocotools.mask.decode(code).T  # [W, H], as the code has it
    left, top, width, height = pycocotools.mask.toBbox(code).astype(int)
    extent = mask[left : left + width, top : top + height]
    side = 2 * max(1, round(BOUNDARY_WIDTH * float(np.hypot(*mask.shape)))) + 1
    extent -= cv2.erode(extent, np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return pycocotools.mask.encode(mask.T)
