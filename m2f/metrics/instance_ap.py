"""Average precision of instance masks (COCO) and its boundary variant (Boundary IoU, Cheng et al., 2021)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hotcoco
import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from m2f.errors import InputError
from m2f.metrics.annotations import check_class_ids, check_class_names, check_image_ids, load_objects
from m2f.metrics.average_precision import (
    boundary_evaluation,
    class_precisions,
    image_precisions,
    mask_evaluation,
    precision_of,
    statistics_of,
)
from m2f.metrics.mask_codes import encode_masks
from m2f.registry import METRICS

NAMES = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "AP_s": "APs", "AP_m": "APm", "AP_l": "APl"}
"""COCO's names of the values."""


@METRICS.register_module()
class InstanceAP(BaseMetric):
    """AP, AP50, AP75, AP_s, AP_m, AP_l and AP_boundary in percent, at most 100 masks an image and class.

    A value without ground truth (no object of that size, say) has no key. Once computed, ``by_class`` holds the ground
    truth's objects without crowds, AP and AP_boundary of each thing, ``[T]`` each, NaN without ground truth, in the
    order of ``class_labels``; see also :meth:`by_image`.

    Args:
        instances_json: instance ground truth in COCO layout; its things are those of the data set, in their order.
        boundary: also compute AP_boundary, whose overlap is the smaller of mask IoU and Boundary IoU.
        names: which values to report, and the name of each; if not given, all under their own names.
        by_id: the ground truth calls its classes otherwise than the data set does; they are compared by category.

    Raises:
        InputError: the ground truth is missing, cut off, or does not fit the data set's thing classes, or ``names``
            asks for a value that is not computed.
    """

    default_prefix = ""

    def __init__(
        self,
        instances_json: str,
        boundary: bool = True,
        names: Mapping[str, str] | None = None,
        by_id: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.instances_json = Path(instances_json)
        self.boundary = boundary
        self.by_id = by_id
        values = [*NAMES, "AP_boundary"] if boundary else list(NAMES)
        self.names = dict(names or zip(values, values, strict=True))
        unknown = set(self.names) - set(values)
        if unknown:
            raise InputError(f"InstanceAP has no value '{min(unknown)}' to report; names may hold {', '.join(values)}.")
        self.by_class: dict[str, NDArray[Any]] = {}
        self.evaluation: hotcoco.COCOeval | None = None
        self.image_ids: list[Any] = []
        self.per_image: dict[str, NDArray[np.float64]] = {}
        self.truth = load_objects(self.instances_json)
        self.things = self.truth["categories"]
        self.category_ids = {label: thing["id"] for label, thing in enumerate(self.things)}

    @property
    def class_labels(self) -> list[int]:
        """The label of each class of ``by_class`` in the data set, whose things need not come first."""
        return list(self.category_ids)

    @BaseMetric.dataset_meta.setter  # type: ignore[attr-defined]
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Classes of the data set, whose things are checked against the categories of the ground truth."""
        classes = list(dataset_meta["classes"])
        things = dataset_meta.get("thing_classes", classes)
        if self.by_id:
            check_class_ids(self.instances_json, self.things, dataset_meta["thing_ids"])
        else:
            check_class_names(self.instances_json, self.things, things)
        own = zip(things, self.things, strict=True)
        self.category_ids = {classes.index(name): category["id"] for name, category in own}
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's masks run-length encoded: ``(image id, [detection, ...])``.

        Raises:
            InputError: a score is no number.
        """
        for sample in data_samples:
            image_id = sample["img_id"]
            instances = sample["pred_instances"]
            if instances["scores"].isnan().any():
                raise InputError(
                    f"The prediction for image {image_id} has scores that are no numbers (NaN); take weights that are "
                    "whole, of a training that did not diverge."
                )
            detections = [
                {"image_id": image_id, "category_id": self.category_ids[label], "score": score, "segmentation": mask}
                for label, score, mask in zip(
                    instances["labels"].tolist(),
                    instances["scores"].tolist(),
                    encode_masks(instances["masks"]),
                    strict=True,
                )
            ]
            self.results.append((image_id, detections))

    def compute_metrics(self, results: list[tuple[Any, list[dict[str, Any]]]]) -> dict[str, float]:
        """AP of the collected masks over the images they come from."""
        image_ids = [image_id for image_id, _ in results]
        check_image_ids(self.instances_json, (image["id"] for image in self.truth["images"]), image_ids)
        detections = [detection for _, image_detections in results for detection in image_detections]
        masks = mask_evaluation(self.truth, detections, image_ids)
        self.evaluation, self.image_ids, self.per_image = masks, image_ids, {}
        statistics = statistics_of(masks)
        values = {name: statistics[theirs] for name, theirs in NAMES.items()}
        precisions = {"AP": class_precisions(masks, self.truth)}
        if self.boundary:
            boundaries = boundary_evaluation(self.truth, detections, image_ids)
            values["AP_boundary"] = precision_of(boundaries)
            precisions["AP_boundary"] = class_precisions(boundaries, self.truth)
        self.by_class = self.class_values(set(image_ids), precisions)
        return {name: 100 * values[value] for value, name in self.names.items() if values[value] >= 0}

    def by_image(self) -> dict[str, NDArray[np.float64]]:
        """Once computed, AP of each image alone in percent ``[I]``, in the order in which they were evaluated.

        It is the mean over the classes of the image's objects, NaN for an image without any.
        """
        if "AP" in self.names and self.evaluation is not None:
            self.per_image = {self.names["AP"]: 100 * image_precisions(self.evaluation, self.truth, self.image_ids)}
            self.evaluation = None  # of a large data set, much memory
        return self.per_image

    def class_values(
        self, image_ids: set[Any], precisions: Mapping[str, Mapping[int, float]]
    ) -> dict[str, NDArray[Any]]:
        """What ``by_class`` holds, from each value's AP by category."""
        objects = Counter(
            annotation["category_id"]
            for annotation in self.truth["annotations"]
            if annotation["image_id"] in image_ids and not annotation.get("iscrowd")
        )
        ids = self.category_ids.values()
        return {"objects": np.array([objects[key] for key in ids])} | {
            self.names[value]: 100 * np.array([own.get(key, np.nan) for key in ids])
            for value, own in precisions.items()
            if value in self.names
        }
