"""Generated scenes in other data sets' layouts: prepared, verified, and read by the configs' data sets."""

from pathlib import Path

import numpy as np
import pytest
from mmengine import Config
from mmengine.registry import init_default_scope

from m2f.data.fingerprint import fingerprint
from m2f.data.paths import resolve_data_paths
from m2f.data.preparation import prepare_files
from m2f.data.prepare import check_class_count, prepare
from m2f.data.relocate import check_files, relocate
from m2f.data.scene_layouts import LAYOUTS, write_layout
from m2f.data.scenes import SceneSpec
from m2f.data.sources import SOURCES
from m2f.data.verify import verify
from m2f.errors import InputError
from m2f.registry import DATASETS, TRANSFORMS

CONFIGS = Path(__file__).parents[3] / "configs" / "paper"
PAIRS = [(path.parent.name, path.stem) for path in sorted(CONFIGS.glob("*/*.py")) if path.parent.name in LAYOUTS]
CROPS = {"ade20k": (640, 640), ("ade20k", "semantic"): (512, 512), "cityscapes": (512, 1024), "mapillary": (1024, 1024)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A directory of data sets, each of three training and two validation images."""
    root = tmp_path_factory.mktemp("data")
    for name in LAYOUTS:
        generate(name, root, 5)
    return root


def generate(name, root, seed):
    """A data set below a directory of data sets, with all that is made of it."""
    train, val = LAYOUTS[name].splits
    write_layout(name, root / SOURCES[name].place, SceneSpec(96, {train: 3, val: 2}, seed))
    prepare_files(name, root / SOURCES[name].place, lambda *place: None)


def load(dataset, task, data):
    init_default_scope("m2f")
    return resolve_data_paths(Config.fromfile(CONFIGS / dataset / f"{task}.py"), data)


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_is_wrong_with_what_is_made(name, data):
    assert verify(data / SOURCES[name].place) == []


@pytest.mark.parametrize(("dataset", "task"), PAIRS)
def test_configs_read_what_is_made(dataset, task, data):
    config = load(dataset, task, data)
    prepare(config)
    for loader, images in ((config.train_dataloader.dataset.dataset, 3), (config.val_dataloader.dataset, 2)):
        built = DATASETS.build(loader)
        assert len(built) == images
        check_class_count(config, built)
        check_files(built)
        sample = built[0]["data_samples"]
        if loader is config.val_dataloader.dataset:
            assert sample.ori_shape == (64, 96)
        else:
            masks, (height, width) = sample.gt_instances.masks, built[0]["inputs"].shape[-2:]
            assert masks.shape[1:] == (height, width)
            assert not masks.sum(0).max() > 1
            assert (height, width) == CROPS.get((dataset, task), CROPS.get(dataset))


@pytest.mark.parametrize(("dataset", "task"), PAIRS)
def test_crops_are_as_high_and_as_wide_as_the_papers(dataset, task, data):
    """mmseg and mmdet have the sides in another order, and the wrong one fails nowhere: it is padded."""
    config = load(dataset, task, data)
    (crop,) = [step for step in config.train_dataloader.dataset.dataset.pipeline if "Crop" in step.type]
    segments = np.zeros((1600, 2600), np.uint8)
    image = {"img": np.zeros((1600, 2600, 3), np.uint8), "gt_seg_map": segments, "seg_fields": ["gt_seg_map"]}
    cropped = TRANSFORMS.build(crop)({**image, "img_shape": (1600, 2600)})
    assert cropped["img"].shape[:2] == CROPS.get((dataset, task), CROPS.get(dataset))
    assert cropped["gt_seg_map"].shape == cropped["img"].shape[:2]


def test_training_targets_are_the_images(data):
    """Of one frame of Cityscapes all tasks have the same things, whatever file they are read from."""
    found = {}
    for task in ("semantic", "panoptic", "instance"):
        dataset = load("cityscapes", "panoptic", data)[task].train_dataloader.dataset.dataset
        kept = ("Load", "Split", "PackSample")
        dataset.pipeline = [step for step in dataset.pipeline if any(word in step.type for word in kept)]
        targets = DATASETS.build(dataset)[1]["data_samples"].gt_instances
        found[task] = {
            label: targets.masks[targets.labels == label].any(0).numpy() for label in targets.labels.tolist()
        }
    for label, mask in found["instance"].items():
        assert np.array_equal(mask, found["panoptic"][label + 11])
        assert not (mask & ~found["semantic"][label + 11]).any()
    assert set(found["panoptic"]) <= set(found["semantic"])


@pytest.mark.parametrize("dataset", ["ade20k", "cityscapes", "mapillary"])
@pytest.mark.parametrize("task", ["panoptic", "semantic"])
def test_other_data_have_another_fingerprint(dataset, task, data, tmp_path):
    generate(dataset, tmp_path, 6)
    assert fingerprint(load(dataset, task, data)) != fingerprint(load(dataset, task, tmp_path))


def test_an_evaluation_is_moved_to_the_training_data(data):
    config = relocate(load("cityscapes", "panoptic", data), data / "cityscapes", "train")
    assert config.val_dataloader.dataset.ann_file == "gtFine/cityscapes_panoptic_train.json"
    assert len(DATASETS.build(config.val_dataloader.dataset)) == 3


def test_scenes_are_not_written_over_nor_in_splits_of_other_names(data, tmp_path):
    with pytest.raises(InputError, match=r"The splits of cityscapes are train and val"):
        write_layout("cityscapes", tmp_path / "new", SceneSpec(96, {"train2017": 1, "val": 1}))
    with pytest.raises(InputError, match="exists and is not written over"):
        write_layout("cityscapes", data / "cityscapes", SceneSpec(96, {"train": 1, "val": 1}))
