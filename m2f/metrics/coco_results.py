"""Predictions in COCO's result formats (https://cocodataset.org/#format-results), written as they come."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from m2f.data.cityscapes_labels import LABEL_IDS
from m2f.data.images import below, encode_png, image_id, segment_colours
from m2f.metrics.mask_codes import encode_masks
from m2f.openmmlab import CityscapesDataset

COMPRESSION = 1  # of PNGs: a third larger than the smallest, in a tenth of the time


class CocoResults:
    """Writes whatever a model predicts for one image after the other, and holds no masks.

    - ``panoptic.json`` and ``panoptic/<image>.png``, whose pixels are ids of segments, R + 256 G + 65536 B, 0 for none;
    - ``instances.json``: detections with run-length encoded masks and scores, and no boxes: pycocotools would take a
      detection's size for AP_s, AP_m and AP_l from its box instead of its mask;
    - ``semantic/<image>.png``: grey maps whose pixels are ids of categories.

    ``<image>`` is the image's path below its directory, see :func:`result_names`.

    To be used as a context; the JSON files are whole when it ends.

    Args:
        directory: where to write; it is there, and has none of the above.
        category_ids: the data set's own id of each label.
        names: file of each image's PNGs, by the image's id and path.
    """

    def __init__(self, directory: Path, category_ids: Sequence[int], names: Mapping[tuple[Any, str], str]) -> None:
        self.directory = directory
        self.names = names
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
            sample: with ``img_id`` and ``img_path``, both as in ``names``, and ``pred_panoptic_seg``
                (``data [1, H, W]``) and ``segments_info``, ``pred_instances`` (``masks [n, H, W]``, ``labels [n]``,
                ``scores [n]``) or ``pred_sem_seg`` (``data [1, H, W]``), or several of them.
        """
        name = self.names[sample["img_id"], sample["img_path"]]
        if "pred_panoptic_seg" in sample:
            segment_ids = sample["pred_panoptic_seg"]["data"][0].cpu().numpy()
            self.add_panoptic(sample["img_id"], name, segment_ids, sample["segments_info"])
        if "pred_instances" in sample:
            self.add_instances(sample["img_id"], sample["pred_instances"])
        if "pred_sem_seg" in sample:
            labels = sample["pred_sem_seg"]["data"][0].cpu().numpy()
            self.write("semantic", name, self.category_ids[labels])

    def add_panoptic(
        self, image_id: Any, name: str, segment_ids: NDArray[np.int32], segments: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write a map of segments ``[H, W]`` and keep their categories."""
        self.write("panoptic", name, segment_colours(segment_ids))
        infos = [
            {"id": int(segment["id"]), "category_id": int(self.category_ids[segment["label"]])} for segment in segments
        ]
        self.annotations.append({"image_id": image_id, "file_name": name, "segments_info": infos})

    def add_instances(self, image_id: Any, instances: Any) -> None:
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
                "segmentation": {"size": mask["size"], "counts": mask["counts"].decode()},
            }
            self.detections.write(self.separator + json.dumps(detection))
            self.separator = ",\n"

    def write(self, kind: str, name: str, pixels: NDArray[Any]) -> None:
        """Write a PNG."""
        path = self.directory / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(pixels, COMPRESSION))


def result_names(dataset: Any) -> dict[tuple[Any, str], str]:
    """A PNG's name for each image of a built data set, by its id and path; no two are the same.

    It is the image's path below the data set's directory of images, so that images of one name in several directories
    do not meet. Where only their suffixes differ they keep them: ``1.png`` and ``1.jpg`` become ``1.png.png`` and
    ``1.jpg.png``.
    """
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    prefix = dataset.data_prefix
    root = Path(prefix.get("img") or prefix.get("img_path") or "")
    images = {(image_id(info), info["img_path"]): below(Path(info["img_path"]), root) for info in infos}
    meet = Counter(path.with_suffix("").as_posix().casefold() for path in images.values())
    names: dict[tuple[Any, str], str] = {}
    taken: set[str] = set()
    for image, path in images.items():
        alone = meet[path.with_suffix("").as_posix().casefold()] == 1
        name = path.with_suffix(".png" if alone else f"{path.suffix}.png").as_posix()
        for number in count(2):
            if name.casefold() not in taken:
                break
            name = path.with_suffix(f"{path.suffix}.{number}.png").as_posix()
        names[image] = name
        taken.add(name.casefold())
    return names


def own_category_ids(dataset: Any) -> list[int]:
    """A built data set's own id of each label.

    Data sets with annotation files have ids of their own, in those of label maps they are the maps' values, in
    Cityscapes the ``labelIds`` that its server takes.
    """
    if hasattr(dataset, "cat2label"):
        return sorted(dataset.cat2label, key=dataset.cat2label.__getitem__)
    if isinstance(dataset, CityscapesDataset):
        return list(LABEL_IDS)
    first = int(getattr(dataset, "reduce_zero_label", False))
    return list(range(first, first + len(dataset.metainfo["classes"])))
