"""PQ and AP of mmdet's own model, pipeline, data set and metrics, with our weights.

Everything is as in the config that mmdet's package brings (mask2former_r50_8xb2-lsj-50e_coco-panoptic.py), but for the
size of the model and of the images.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import mmdet
import numpy as np
from mmdet.evaluation.functional import panoptic_utils
from mmdet.evaluation.metrics import coco_metric, coco_panoptic_metric
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from numpy.typing import NDArray
from torch import Tensor

from m2f.checkpoints import from_ours
from m2f.peers.mmdet_peer import detector_config
from m2f.peers.settings import require_papers_design

CONFIG = Path(mmdet.__file__).parent / ".mim/configs/mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic.py"
QUALITIES = tuple(name + group for group in ("", "_th", "_st") for name in ("PQ", "SQ", "RQ"))
PRECISIONS = ("AP", "AP50", "AP75", "AP_s", "AP_m", "AP_l")
"""The first of ``COCOeval.stats``."""


def evaluate_with_mmdet(config: Config, state: Mapping[str, Tensor], data: Path, split: str) -> dict[str, float]:
    """Evaluate mmdet's model on a data set in COCO's layout with COCO's classes.

    Args:
        config: of ours, panoptic; says the size of the model, the images' and the thresholds.
        state: our model's tensors.
        data: the data set's directory.
        split: of the data set.

    Returns:
        PQ, SQ and RQ over all classes, things and stuff, and mask AP, not rounded, in percent.

    Raises:
        InputError: mmdet has no such model.
    """
    require_papers_design(config.model)
    taken: list[NDArray[np.float64]] = []
    with tempfile.TemporaryDirectory() as work_dir, panopticapi(), unrounded(taken):
        runner = Runner.from_cfg(mmdet_config(config, data, split, Path(work_dir)))
        runner.model.load_state_dict(from_ours(state, "mmdet"))
        metrics = runner.val()
    init_default_scope("m2f")
    (statistics,) = taken
    precisions = dict(zip(PRECISIONS, 100 * statistics, strict=False))
    return {name: float(metrics[f"coco_panoptic/{name}"]) for name in QUALITIES} | precisions


def mmdet_config(config: Config, data: Path, split: str, work_dir: Path) -> Config:
    """mmdet's own config with our model's size, images' size and thresholds, on a data set, for evaluation alone."""
    theirs = Config.fromfile(CONFIG)
    theirs.model = {**detector_config(config.model), "data_preprocessor": theirs.model.data_preprocessor}
    thresholds = config.model.get("panoptic") or {}
    theirs.model.test_cfg.object_mask_thr = thresholds.get("score", 0.8)
    theirs.model.test_cfg.iou_thr = thresholds.get("overlap", 0.8)
    dataset = theirs.val_dataloader.dataset
    dataset.data_root = f"{data}/"
    dataset.ann_file = f"annotations/panoptic_{split}.json"
    dataset.data_prefix = {"img": f"{split}/", "seg": f"annotations/panoptic_{split}/"}
    (size,) = [step.scale for step in config.val_dataloader.dataset.pipeline if step.type == "mmdet.Resize"]
    # The metrics read the annotations themselves; reading them in the pipeline takes panopticapi.
    dataset.pipeline = [step for step in dataset.pipeline if step.type != "LoadPanopticAnnotations"]
    (resize,) = [step for step in dataset.pipeline if step.type == "Resize"]
    resize.scale = size
    theirs.val_dataloader.update(num_workers=0, persistent_workers=False)
    panoptic, instances = theirs.val_evaluator
    panoptic.update(ann_file=str(data / dataset.ann_file), seg_prefix=str(data / dataset.data_prefix.seg))
    instances.update(ann_file=str(data / f"annotations/instances_{split}.json"), metric="segm")
    kept = ("model", "default_scope", "val_dataloader", "val_evaluator", "val_cfg", "default_hooks", "env_cfg")
    return Config({key: theirs[key] for key in kept} | {"work_dir": str(work_dir), "log_level": "ERROR"})


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


def rgb2id(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Segment ids ``[H, W]`` of colours ``[H, W, 3]``."""
    return colours.astype(np.uint32) @ np.array([1, 256, 256**2], np.uint32)


@contextmanager
def panopticapi() -> Iterator[None]:
    """Give mmdet the names that it takes from panopticapi, which no package index has."""
    names: dict[str, Any] = {"PQStat": PQStat, "id2rgb": id2rgb, "rgb2id": rgb2id, "VOID": 0, "panopticapi": True}
    shared = {name: names[name] for name in ("PQStat", "rgb2id", "VOID")}
    with patch.multiple(coco_panoptic_metric, **names), patch.multiple(panoptic_utils, **shared):
        yield


@contextmanager
def unrounded(taken: list[NDArray[np.float64]]) -> Iterator[None]:
    """Append the statistics of mask AP to ``taken`` before mmdet rounds them to a tenth of a percent."""

    class Evaluation(coco_metric.COCOeval):
        def summarize(self) -> None:
            super().summarize()
            taken.append(np.array(self.stats))

    with patch.object(coco_metric, "COCOeval", Evaluation):
        yield
