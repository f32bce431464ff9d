"""The programs that define PQ, AP and boundary AP, called as they are: what ours is compared with and timed beside."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import faster_coco_eval
import numpy as np
from hotcoco.panoptic import PanopticEval
from mmdet.evaluation.functional import panoptic_utils
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from m2f.peers.panopticapi import panopticapi

Annotations = Sequence[Mapping[str, Any]]

COCO_STATISTICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
"""Names of pycocotools' twelve statistics."""


def panopticapi_counts(
    truth: Annotations,
    truth_directory: Path,
    predicted: Annotations,
    predicted_directory: Path,
    categories: Annotations,
) -> NDArray[np.float64]:
    """Match segments by panopticapi's algorithm, in one process.

    The algorithm is mmdet's copy of it, pq_compute_single_core.

    Args:
        truth: annotations of the images in COCO's panoptic layout.
        truth_directory: where their PNGs lie.
        predicted: the same of the predictions, image by image.
        predicted_directory: where their PNGs lie.
        categories: the K categories.

    Returns:
        ``[4, K]``: sum of IoUs, true positives, false positives, false negatives.
    """
    pairs = [
        (annotation, {**other, "segments_info": [dict(segment) for segment in other["segments_info"]]})
        for annotation, other in zip(truth, predicted, strict=True)
    ]
    by_id = {category["id"]: category for category in categories}
    with panopticapi():
        counts = panoptic_utils.pq_compute_single_core(0, pairs, str(truth_directory), str(predicted_directory), by_id)
    by_class = [counts[category] for category in by_id]
    return np.array([[getattr(own, field) for own in by_class] for field in ("iou", "tp", "fp", "fn")], np.float64)


def hotcoco_qualities(evaluation: PanopticEval) -> NDArray[np.float64]:
    """hotcoco's PQ, SQ and RQ of each class in [0, 1], ``[3, K]``, 0 of a class that does not occur.

    Args:
        evaluation: of two panoptic JSON files; each time it runs it reads the PNGs that they name.
    """
    evaluation.evaluate()
    classes = evaluation.results()["per_class"].values()
    return np.array([[max(scores[name], 0.0) for scores in classes] for name in ("pq", "sq", "rq")])


def pycocotools_statistics(
    truth: Mapping[str, Any], detections: Annotations, image_ids: Sequence[int]
) -> dict[str, float]:
    """pycocotools' twelve statistics of masks; arguments as for ``m2f.metrics.average_precision.mask_statistics``."""
    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO()
        annotated.dataset = copied(truth)
        annotated.createIndex()
        evaluation = COCOeval(annotated, annotated.loadRes([dict(detection) for detection in detections]), "segm")
        evaluation.params.imgIds = list(image_ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(COCO_STATISTICS, map(float, evaluation.stats), strict=True))


def faster_coco_boundary(truth: Mapping[str, Any], detections: Annotations, image_ids: Sequence[int]) -> float:
    """faster-coco-eval's boundary AP; arguments as for :func:`pycocotools_statistics`."""
    annotated = faster_coco_eval.COCO(copied(truth))
    found = annotated.loadRes([dict(detection) for detection in detections])
    evaluation = faster_coco_eval.COCOeval_faster(annotated, found, iouType="boundary")
    evaluation.params.imgIds = list(image_ids)
    evaluation.run()
    return float(evaluation.stats_as_dict["AP_all"])


def copied(truth: Mapping[str, Any]) -> dict[str, Any]:
    """Ground truth that a peer may write into."""
    return {**truth, "annotations": [dict(annotation) for annotation in truth["annotations"]]}
