"""Average precision of instance masks (COCO) and its boundary variant (Boundary IoU, Cheng et al., 2021)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask
import torch
from faster_coco_eval import COCO, COCOeval_faster
from mmengine.evaluator import BaseMetric

from m2f.data.annotations import load_annotations
from m2f.errors import InputError
from m2f.metrics.annotations import check_class_names, check_image_ids
from m2f.registry import METRICS

NAMES = {
    "AP": "AP_all",
    "AP50": "AP_50",
    "AP75": "AP_75",
    "AP_s": "AP_small",
    "AP_m": "AP_medium",
    "AP_l": "AP_large",
}
"""Our names of faster-coco-eval's statistics."""


@METRICS.register_module()
class InstanceAP(BaseMetric):
    """AP, AP50, AP75, AP_s, AP_m, AP_l and AP_boundary in percent, at most 100 masks an image and class.

    A value without ground truth (no object of that size, say) has no key.

    Args:
        instances_json: instance ground truth in COCO layout; label l is the l-th thing among its categories.
        boundary: also compute AP_boundary, whose overlap is the smaller of mask IoU and Boundary IoU.
        names: which values to report, and the name of each; if not given, all under their own names.

    Raises:
        InputError: the ground truth is missing, cut off, or does not fit the data set's thing classes, or ``names``
            asks for a value that is not computed.
    """

    default_prefix = ""

    def __init__(
        self, instances_json: str, boundary: bool = True, names: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.instances_json = Path(instances_json)
        self.boundary = boundary
        values = [*NAMES, "AP_boundary"] if boundary else list(NAMES)
        self.names = dict(names or zip(values, values, strict=True))
        unknown = set(self.names) - set(values)
        if unknown:
            raise InputError(f"InstanceAP has no value '{min(unknown)}' to report; names may hold {', '.join(values)}.")
        self.truth = load_annotations(self.instances_json)
        self.things = [category for category in self.truth["categories"] if category.get("isthing", 1)]

    @BaseMetric.dataset_meta.setter  # type: ignore[attr-defined]
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Classes of the data set, whose things are checked against the categories of the ground truth."""
        things = dataset_meta.get("thing_classes", dataset_meta["classes"])
        check_class_names(self.instances_json, self.things, things)
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's masks run-length encoded: ``(image id, [detection, ...])``."""
        category_ids = [category["id"] for category in self.things]
        for sample in data_samples:
            image_id = int(sample["img_id"])
            instances = sample["pred_instances"]
            detections = [
                {"image_id": image_id, "category_id": category_ids[label], "score": score, "segmentation": mask}
                for label, score, mask in zip(
                    instances["labels"].tolist(),
                    instances["scores"].tolist(),
                    encode_masks(instances["masks"]),
                    strict=True,
                )
            ]
            self.results.append((image_id, detections))

    def compute_metrics(self, results: list[tuple[int, list[dict[str, Any]]]]) -> dict[str, float]:
        """AP of the collected masks over the images they come from."""
        image_ids = [image_id for image_id, _ in results]
        check_image_ids(self.instances_json, (image["id"] for image in self.truth["images"]), image_ids)
        detections = [detection for _, image_detections in results for detection in image_detections]
        truth = COCO(self.truth)
        predictions = truth.loadRes(detections)
        statistics = evaluate(truth, predictions, image_ids, "segm")
        values = {name: statistics[theirs] for name, theirs in NAMES.items()}
        if self.boundary:
            values["AP_boundary"] = evaluate(truth, predictions, image_ids, "boundary")["AP_all"]
        return {name: 100 * values[value] for value, name in self.names.items() if values[value] >= 0}


def encode_masks(masks: torch.Tensor) -> list[dict[str, Any]]:
    """Run-length encode bool masks [n, H, W] as ``dict(size, counts)`` each."""
    columns = masks.transpose(1, 2).contiguous().cpu().numpy().view(np.uint8)  # [n, W, H]: the code runs down columns
    return pycocotools.mask.encode(columns.transpose(2, 1, 0))


def evaluate(
    truth: COCO, predictions: COCO, image_ids: list[int], overlap: str, by_class: bool = True
) -> dict[str, float]:
    """COCO's statistics under faster-coco-eval's names, in [0, 1] or -1 where there is no ground truth.

    Args:
        overlap: ``segm`` (mask IoU) or ``boundary``.
        by_class: average over classes, or take all objects for one class, whatever a prediction's own.
    """
    threads = torch.get_num_threads()  # a run's share of the cores
    evaluation = COCOeval_faster(
        truth, predictions, iouType=overlap, boundary_cpu_count=threads, rle_iou_max_workers=threads
    )
    evaluation.params.imgIds = sorted(image_ids)
    evaluation.params.useCats = int(by_class)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {name: float(value) for name, value in evaluation.stats_as_dict.items()}
