"""The paper's configs of ADE20K, Cityscapes, Mapillary Vistas and COCO's classes, trained and evaluated in small.

Their own pipelines and metrics on generated scenes in their layouts, a sixteenth as large, with the small model.
"""

import math
from pathlib import Path

import pytest
from mmengine import Config

from m2f.data.paths import resolve_data_paths
from m2f.data.preparation import prepare_files
from m2f.data.prepare import prepare
from m2f.data.scene_layouts import LAYOUTS, write_layout
from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.data.sources import SOURCES
from m2f.engine.evaluate import evaluate, last_checkpoint
from m2f.engine.launch import in_processes
from m2f.engine.train import train

CONFIGS = Path(__file__).parents[3] / "configs"
SIZES = ("scale", "scales", "max_size", "crop_size", "size")
PANOPTIC = {"PQ", "SQ", "RQ", "PQ_th", "PQ_st", "mIoU_pan"}
EXPECTED = {
    ("ade20k", "panoptic"): PANOPTIC | {"AP_pan_th"},
    ("ade20k", "instance"): {"AP", "AP50", "AP75", "AP_boundary"},
    ("ade20k", "semantic"): {"mIoU"},
    ("cityscapes", "panoptic"): PANOPTIC | {"AP_pan_th"},
    ("cityscapes", "instance"): {"AP", "AP50"},
    ("cityscapes", "semantic"): {"mIoU"},
    ("mapillary", "panoptic"): PANOPTIC,
    ("mapillary", "semantic"): {"mIoU"},
    ("coco", "semantic"): {"mIoU"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A directory of data sets, each of four training and two validation images."""
    root = tmp_path_factory.mktemp("data")
    for name, layout in LAYOUTS.items():
        train_split, val_split = layout.splits
        write_layout(name, root / SOURCES[name].place, SceneSpec(96, {train_split: 4, val_split: 2}, seed=1))
        prepare_files(name, root / SOURCES[name].place, lambda *place: None)
    ensure_scenes(SceneSpec(96, {"train2017": 4, "val2017": 2}, seed=1), root / "coco")
    return root


def a_sixteenth(value, key=""):
    """A part of a pipeline with its sizes divided."""
    if isinstance(value, dict):
        return {name: a_sixteenth(own, name) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(a_sixteenth(own, key) for own in value)
    if key in SIZES and isinstance(value, int):
        return max(math.ceil(value / 16), 1)
    return value


def in_small(dataset, task, data):
    """A config of the paper's with the small model, for three iterations of two images."""
    config = Config.fromfile(CONFIGS / "paper" / dataset / f"{task}.py")
    small = Config.fromfile(CONFIGS / "_base_" / "models" / "mask2former_mini.py").model
    own = ("task", "num_things", "num_stuff", "thing_labels", "panoptic")
    config.model = {**small, **{key: config.model[key] for key in own if key in config.model}}
    if dataset == "coco":
        config.model.update(num_things=6, num_stuff=4)
    for loader in (config.train_dataloader, config.val_dataloader):
        inner = loader.dataset.get("dataset", loader.dataset)
        inner.pipeline = [a_sixteenth(step.to_dict()) for step in inner.pipeline]
        loader.update(num_workers=0, persistent_workers=False)
    config.merge_from_dict(
        {
            "optim_wrapper.type": "OptimWrapper",  # no GPU
            "train_cfg.max_iters": 3,
            "train_cfg.val_interval": 3,
            "train_dataloader.batch_size": 2,
        }
    )
    return resolve_data_paths(config, data)


@pytest.mark.parametrize(("dataset", "task"), EXPECTED)
def test_it_trains_and_is_evaluated(dataset, task, data, tmp_path):
    config = in_small(dataset, task, data)
    prepare(config)
    assert set(train(config, tmp_path)) >= EXPECTED[dataset, task]


def test_two_processes_evaluate_as_one(data, tmp_path):
    """Images are named by text, and Cityscapes' metrics read files of their own."""
    config = in_small("cityscapes", "panoptic", data)
    alone = train(config, tmp_path / "run")
    checkpoint = last_checkpoint(tmp_path / "run")
    assert in_processes(2, evaluate, config, checkpoint, tmp_path / "evaluated") == alone
