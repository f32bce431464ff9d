"""Panoptic quality (Kirillov et al., 2019): PQ, SQ and RQ over all classes, things and stuff.

The matching and the treatment of crowd and void are panopticapi's, in hotcoco's implementation.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hotcoco.panoptic import PanopticEval
from mmengine.evaluator import BaseMetric

from m2f.data.images import encode_png, segment_colours
from m2f.errors import InputError
from m2f.metrics.annotations import check_class_names, check_image_ids, load_panoptic_annotations
from m2f.registry import METRICS

GROUPS = {"All": "", "Things": "_th", "Stuff": "_st"}


@METRICS.register_module()
class PanopticQuality(BaseMetric):
    """PQ, SQ and RQ in percent, each over all classes, things (``_th``) and stuff (``_st``).

    A group of classes that occurs neither in the evaluated images nor in their predictions has no value and no key.

    Args:
        panoptic_json: panoptic ground truth in COCO layout; label l is the l-th of its categories.
        panoptic_directory: where its PNGs lie.

    Raises:
        InputError: the ground truth is missing, cut off, or does not fit the data set's classes.
    """

    default_prefix = ""

    def __init__(self, panoptic_json: str, panoptic_directory: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.panoptic_json = Path(panoptic_json)
        self.panoptic_directory = Path(panoptic_directory)
        self.truth = load_panoptic_annotations(self.panoptic_json, self.panoptic_directory)

    @BaseMetric.dataset_meta.setter  # type: ignore[attr-defined]
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        """Classes of the data set, checked against those of the ground truth."""
        check_class_names(self.panoptic_json, self.truth["categories"], dataset_meta["classes"])
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's prediction, see :meth:`encode`."""
        self.results.extend(self.encode(sample) for sample in data_samples)

    def encode(self, sample: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """A prediction as its annotation and its panoptic PNG."""
        image_id = int(sample["img_id"])
        segment_ids = sample["pred_panoptic_seg"]["data"][0].cpu().numpy()  # [H, W]
        segments = [
            {"id": int(segment["id"]), "category_id": self.truth["categories"][int(segment["label"])]["id"]}
            for segment in sample["segments_info"]
        ]
        annotation = {"image_id": image_id, "file_name": f"{image_id}.png", "segments_info": segments}
        return annotation, encode_png(segment_colours(segment_ids), compression=1)

    def compute_metrics(self, results: list[tuple[dict[str, Any], bytes]]) -> dict[str, float]:
        """Compare the collected predictions with the ground truth of the same images."""
        image_ids = {annotation["image_id"] for annotation, _ in results}
        check_image_ids(self.panoptic_json, (entry["image_id"] for entry in self.truth["annotations"]), image_ids)
        annotations = [entry for entry in self.truth["annotations"] if entry["image_id"] in image_ids]
        truth = self.truth | {"annotations": annotations}
        prediction = {"annotations": [annotation for annotation, _ in results]}
        with tempfile.TemporaryDirectory() as directory:
            for annotation, png in results:
                Path(directory, annotation["file_name"]).write_bytes(png)
            evaluation = PanopticEval(truth, prediction, gt_folder=self.panoptic_directory, pred_folder=directory)
            try:
                evaluation.evaluate()
            except ValueError as error:
                raise InputError(f"Panoptic quality against {self.panoptic_json}: {error}.") from error
        groups = evaluation.results()
        return {
            quality.upper() + suffix: 100 * groups[group][quality]
            for group, suffix in GROUPS.items()
            for quality in ("pq", "sq", "rq")
            if groups[group]["n"] > 0
        }
