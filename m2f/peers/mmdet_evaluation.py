"""PQ and AP of mmdet's own model, pipeline, data set and metrics, with our weights.

Everything is as in the config that mmdet's package brings (mask2former_r50_8xb2-lsj-50e_coco-panoptic.py), but for the
size of the model and of the images.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import mmdet
import numpy as np
from mmdet.evaluation.metrics import coco_metric
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from numpy.typing import NDArray
from torch import Tensor

from m2f.checkpoints import from_ours
from m2f.peers.mmdet_peer import detector_config
from m2f.peers.panopticapi import panopticapi
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
    (size,) = [step.scale for step in config.val_dataloader.dataset.pipeline if step.type.endswith(".Resize")]
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


@contextmanager
def unrounded(taken: list[NDArray[np.float64]]) -> Iterator[None]:
    """Append the statistics of mask AP to ``taken`` before mmdet rounds them to a tenth of a percent."""

    class Evaluation(coco_metric.COCOeval):
        def summarize(self) -> None:
            super().summarize()
            taken.append(np.array(self.stats))

    with patch.object(coco_metric, "COCOeval", Evaluation):
        yield
