"""Class-agnostic average recall of every decoder layer's masks (paper figure 3)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faster_coco_eval import COCO
from mmengine.evaluator import BaseMetric

from m2f.data.annotations import load_annotations
from m2f.metrics.annotations import check_image_ids
from m2f.metrics.instance_ap import encode_masks, evaluate
from m2f.registry import METRICS

RECALL = "AR_third"
"""faster-coco-eval's name of the recall with the third of COCO's limits, 100 masks an image."""


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
        self.truth = load_annotations(self.instances_json)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's masks run-length encoded, by layer: ``(image id, {layer: [proposal, ...]})``."""
        for sample in data_samples:
            image_id = int(sample["img_id"])
            layers = {
                layer: self.encode(image_id, prediction["proposals"]) for layer, prediction in sample["layers"].items()
            }
            self.results.append((image_id, layers))

    def encode(self, image_id: int, proposals: Any) -> list[dict[str, Any]]:
        """Proposals as COCO's detections, under a class that stands for any."""
        any_class = self.truth["categories"][0]["id"]
        return [
            {"image_id": image_id, "category_id": any_class, "score": score, "segmentation": mask}
            for score, mask in zip(proposals["scores"].tolist(), encode_masks(proposals["masks"]), strict=True)
        ]

    def compute_metrics(self, results: list[tuple[int, dict[int, list[dict[str, Any]]]]]) -> dict[str, float]:
        """Recall layer by layer."""
        image_ids = [image_id for image_id, _ in results]
        check_image_ids(self.instances_json, (image["id"] for image in self.truth["images"]), image_ids)
        truth = COCO(self.truth)
        metrics = {}
        for layer in results[0][1]:
            proposals = [proposal for _, layers in results for proposal in layers[layer]]
            recall = evaluate(truth, truth.loadRes(proposals), image_ids, "segm", by_class=False)[RECALL]
            if recall >= 0:
                metrics[f"AR100_layer{layer}"] = 100 * recall
        return metrics
