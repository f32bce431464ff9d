"""Predictions in COCO's result formats (https://cocodataset.org/#format-results), written as they come."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np
import pycocotools.mask
from numpy.typing import NDArray

from m2f.data.images import encode_png, segment_colours
from m2f.metrics.mask_codes import encode_masks

COMPRESSION = 1  # of PNGs: a third larger than the smallest, in a tenth of the time


class CocoResults:
    """Writes whatever a model predicts for one image after the other, and holds no masks.

    - ``panoptic.json`` and ``panoptic/<image>.png``, whose pixels are ids of segments, R + 256 G + 65536 B, 0 for none;
    - ``instances.json``: detections with run-length encoded masks, boxes ``[x, y, width, height]`` and scores;
    - ``semantic/<image>.png``: grey maps whose pixels are ids of categories.

    To be used as a context; the JSON files are whole when it ends.

    Args:
        directory: where to write; it is there, and has none of the above.
        category_ids: the data set's own id of each label.
    """

    def __init__(self, directory: Path, category_ids: Sequence[int]) -> None:
        self.directory = directory
        self.category_ids = np.array(category_ids, np.uint8 if max(category_ids) < 256 else np.uint16)
        self.annotations: list[dict[str, Any]] = []
        self.detections: TextIO | None = None
        self.separator = "[\n"

    def __enter__(self) -> "CocoResults":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.annotations:
            (self.directory / "panoptic.json").write_text(json.dumps({"annotations": self.annotations}))
        if self.detections:
            self.detections.write("[]\n" if self.separator == "[\n" else "\n]\n")
            self.detections.close()

    def add(self, sample: Mapping[str, Any]) -> None:
        """Write an image's predictions.

        Args:
            sample: with ``img_id`` and ``img_path``, and ``pred_panoptic_seg`` (``data [1, H, W]``) and
                ``segments_info``, ``pred_instances`` (``masks [n, H, W]``, ``labels [n]``, ``scores [n]``) or
                ``pred_sem_seg`` (``data [1, H, W]``), or several of them.
        """
        name = f"{Path(sample['img_path']).stem}.png"
        if "pred_panoptic_seg" in sample:
            segment_ids = sample["pred_panoptic_seg"]["data"][0].cpu().numpy()
            self.add_panoptic(sample["img_id"], name, segment_ids, sample["segments_info"])
        if "pred_instances" in sample:
            self.add_instances(sample["img_id"], sample["pred_instances"])
        if "pred_sem_seg" in sample:
            labels = sample["pred_sem_seg"]["data"][0].cpu().numpy()
            self.write("semantic", name, self.category_ids[labels])

    def add_panoptic(
        self, image_id: int, name: str, segment_ids: NDArray[np.int32], segments: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write a map of segments ``[H, W]`` and keep their categories."""
        self.write("panoptic", name, segment_colours(segment_ids))
        infos = [
            {"id": int(segment["id"]), "category_id": int(self.category_ids[segment["label"]])} for segment in segments
        ]
        self.annotations.append({"image_id": image_id, "file_name": name, "segments_info": infos})

    def add_instances(self, image_id: int, instances: Any) -> None:
        """Write detections, one a line."""
        masks = encode_masks(instances["masks"])
        columns = (instances["labels"].tolist(), instances["scores"].tolist(), masks)
        if self.detections is None:
            self.detections = (self.directory / "instances.json").open("w")
        for label, score, mask in zip(*columns, strict=True):
            detection = {
                "image_id": image_id,
                "category_id": int(self.category_ids[label]),
                "score": score,
                "bbox": pycocotools.mask.toBbox(mask).tolist(),
                "segmentation": {"size": mask["size"], "counts": mask["counts"].decode()},
            }
            self.detections.write(self.separator + json.dumps(detection))
            self.separator = ",\n"

    def write(self, kind: str, name: str, pixels: NDArray[Any]) -> None:
        """Write a PNG."""
        directory = self.directory / kind
        directory.mkdir(exist_ok=True)
        (directory / name).write_bytes(encode_png(pixels, COMPRESSION))


def own_category_ids(dataset: Any) -> list[int]:
    """A built data set's own id of each label.

    Data sets with annotation files have ids of their own, in those of label maps they are the maps' values.
    """
    if hasattr(dataset, "cat2label"):
        return sorted(dataset.cat2label, key=dataset.cat2label.__getitem__)
    first = int(getattr(dataset, "reduce_zero_label", False))
    return list(range(first, first + len(dataset.metainfo["classes"])))
