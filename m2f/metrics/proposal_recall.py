"""Class-agnostic average recall of every decoder layer's masks (paper figure 3)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric

from m2f.metrics.annotations import check_image_ids, load_objects
from m2f.metrics.average_precision import mask_statistics
from m2f.metrics.mask_codes import encode_masks
from m2f.registry import METRICS

ANYTHING = {"id": 1, "name": "anything"}
"""The one class of all objects and proposals."""


@METRICS.register_module()
class ProposalRecall(BaseMetric):
    """``AR100_layer0``, ``AR100_layer1``, ... in percent: AR@100 of ``LayerInspector``'s proposals after each layer.

    COCO's average recall: the share of objects that a mask of their own finds, averaged over the IoU thresholds .5,
    .55, ..., .95, with an image's 100 best masks, of whatever class; crowds do not count. Without any object in the
    evaluated images there is no value and no key.

    Args:
        instances_json: instance ground truth in COCO layout.

    Raises:
        InputError: the ground truth is missing or cut off, or does not hold an evaluated image.
    """

    default_prefix = ""

    def __init__(self, instances_json: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.instances_json = Path(instances_json)
        truth = load_objects(self.instances_json)
        objects = [annotation | {"category_id": ANYTHING["id"]} for annotation in truth["annotations"]]
        self.truth = {"images": truth["images"], "annotations": objects, "categories": [ANYTHING]}

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's masks run-length encoded, by layer: ``(image id, {layer: [proposal, ...]})``."""
        for sample in data_samples:
            image_id = sample["img_id"]
            layers = {
                layer: self.encode(image_id, prediction["proposals"]) for layer, prediction in sample["layers"].items()
            }
            self.results.append((image_id, layers))

    def encode(self, image_id: Any, proposals: Any) -> list[dict[str, Any]]:
        """Proposals as COCO's detections."""
        return [
            {"image_id": image_id, "category_id": ANYTHING["id"], "score": score, "segmentation": mask}
            for score, mask in zip(proposals["scores"].tolist(), encode_masks(proposals["masks"]), strict=True)
        ]

    def compute_metrics(self, results: list[tuple[Any, dict[int, list[dict[str, Any]]]]]) -> dict[str, float]:
        """Recall layer by layer."""
        image_ids = [image_id for image_id, _ in results]
        check_image_ids(self.instances_json, (image["id"] for image in self.truth["images"]), image_ids)
        metrics = {}
        for layer in results[0][1]:
            proposals = [proposal for _, layers in results for proposal in layers[layer]]
            recall = mask_statistics(self.truth, proposals, image_ids)["AR100"]
            if recall >= 0:
                metrics[f"AR100_layer{layer}"] = 100 * recall
        return metrics
