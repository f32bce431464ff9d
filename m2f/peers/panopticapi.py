"""The names that mmdet takes from panopticapi, which no package index has."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
from mmdet.evaluation.functional import panoptic_utils
from mmdet.evaluation.metrics import coco_panoptic_metric
from numpy.typing import NDArray


@dataclass
class Counts:
    """What panopticapi counts of a class."""

    iou: float = 0.0
    tp: int = 0
    fp: int = 0
    fn: int = 0

    def qualities(self) -> tuple[float, float, float]:
        """PQ, SQ, RQ (Kirillov et al., 2019, equation 1)."""
        recognition = self.tp / (self.tp + self.fp / 2 + self.fn / 2)
        segmentation = self.iou / self.tp if self.tp else 0.0
        return recognition * segmentation, segmentation, recognition


class PQStat:
    """The part of panopticapi's class of that name that mmdet calls."""

    def __init__(self) -> None:
        self.classes: dict[int, Counts] = defaultdict(Counts)

    def __getitem__(self, category: int) -> Counts:
        return self.classes[category]

    def __iadd__(self, other: "PQStat") -> "PQStat":
        for category, counts in other.classes.items():
            own = self.classes[category]
            for name, value in vars(counts).items():
                setattr(own, name, getattr(own, name) + value)
        return self

    def pq_average(
        self, categories: Mapping[int, Mapping[str, Any]], isthing: bool | None
    ) -> tuple[dict[str, float], dict[int, Any]]:
        """Means over the classes that occur, all of them or things or stuff; nothing by class."""
        found = [
            counts.qualities()
            for category, counts in self.classes.items()
            if (isthing is None or isthing == bool(categories[category]["isthing"]))
            and counts.tp + counts.fp + counts.fn
        ]
        means = np.mean(found, axis=0) if found else np.zeros(3)
        return {**dict(zip(("pq", "sq", "rq"), means, strict=True)), "n": len(found)}, {}


def id2rgb(ids: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Colours ``[H, W, 3]`` of segment ids ``[H, W]``."""
    return np.stack([ids // 256**place % 256 for place in range(3)], axis=-1).astype(np.uint8)


def rgb2id(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Segment ids ``[H, W]`` of colours ``[H, W, 3]``."""
    wide = colours.astype(np.int32)
    return wide[:, :, 0] + 256 * wide[:, :, 1] + 256 * 256 * wide[:, :, 2]


@contextmanager
def panopticapi() -> Iterator[None]:
    """Give mmdet the names."""
    names: dict[str, Any] = {"PQStat": PQStat, "id2rgb": id2rgb, "rgb2id": rgb2id, "VOID": 0, "panopticapi": True}
    shared = {name: names[name] for name in ("PQStat", "rgb2id", "VOID")}
    with patch.multiple(coco_panoptic_metric, **names), patch.multiple(panoptic_utils, **shared):
        yield
