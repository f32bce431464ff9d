import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from m2f.data.transforms import split_map
from m2f.registry import DATASETS

TASKS = ["scenes_panoptic", "scenes_instance", "scenes_semantic"]


def dataset(config, loader="train_dataloader", steps=None):
    """The data set of a config without draws around it, its pipeline perhaps replaced by ``steps``."""
    settings = config[loader].dataset
    settings = settings.get("dataset", settings)
    if steps is not None:
        settings.pipeline = steps
    return DATASETS.build(settings)


def with_step(config, name, **changes):
    """The training pipeline with other settings for one of its steps."""
    return [
        {**step, **changes} if step["type"].endswith(name) else step
        for step in config.train_dataloader.dataset.dataset.pipeline
    ]


@pytest.mark.parametrize("name", TASKS)
def test_training_sample(load_config, name):
    for sample in dataset(load_config(name)):
        image, targets = sample["inputs"], sample["data_samples"].gt_instances
        assert image.shape == (3, 128, 128)
        assert str(image.dtype) == "torch.uint8"
        assert targets.masks.shape == (len(targets.labels), 128, 128)
        assert str(targets.masks.dtype) == "torch.bool"
        assert str(targets.labels.dtype) == "torch.int64"
        assert targets.masks.any(2).any(1).all()
        assert (targets.masks.sum(0) <= 1).all()  # segments never overlap
        assert sample["data_samples"].ori_shape == (64, 64)
        assert sample["data_samples"].img_shape == (128, 128)


@pytest.mark.parametrize("name", TASKS)
def test_validation_sample_keeps_the_images_size(load_config, name):
    sample = dataset(load_config(name), "val_dataloader")[0]
    assert sample["inputs"].shape == (3, 64, 64)
    assert "gt_instances" not in sample["data_samples"]
    assert ("gt_sem_seg" in sample["data_samples"]) == (name == "scenes_semantic")
    assert sample["data_samples"].metainfo.keys() >= {"img_id", "img_path", "ori_shape", "img_shape"}


@pytest.mark.parametrize("name", TASKS)
def test_flip_turns_image_and_masks_alike(load_config, name):
    config = load_config(name)
    still = [{"scale": (64, 64), "ratio_range": (1.0, 1.0)}, {"crop_size": (64, 64)}, {"size": (64, 64)}]
    samples = []
    for probability in (0.0, 1.0):
        steps = with_step(config, "RandomFlip", prob=probability)
        for change in still:
            steps = [{**step, **change} if change.keys() <= step.keys() else step for step in steps]
        samples.append(dataset(config, steps=steps)[0])
    plain, flipped = samples
    assert (flipped["inputs"] == plain["inputs"].flip(2)).all()
    masks, flipped_masks = (sample["data_samples"].gt_instances.masks for sample in samples)
    assert (flipped_masks == masks.flip(2)).all()


@pytest.mark.parametrize("name", TASKS)
def test_padding_is_grey_and_belongs_to_nothing(load_config, name):
    config = load_config(name)
    sample = dataset(config, steps=with_step(config, "RandomResize", ratio_range=(0.5, 0.5)))[0]
    padding = np.ones((128, 128), dtype=bool)
    padding[:64, :64] = False
    assert (sample["inputs"].numpy()[:, padding] == 128).all()
    assert not sample["data_samples"].gt_instances.masks.numpy()[:, padding].any()


@pytest.mark.parametrize("name", TASKS)
def test_large_scale_crops_keep_image_and_masks_together(load_config, name):
    """At any scale the pixels of a mask are those of the same segment: 4x enlarged, cropped, compared by colour."""
    config = load_config(name)
    np.random.seed(0)
    steps = with_step(config, "RandomResize", ratio_range=(4.0, 4.0), interpolation="nearest")
    plain = dataset(
        config, steps=[step for step in steps if "Random" not in step["type"] and "Pad" not in step["type"]]
    )
    zoomed = dataset(config, steps=[step for step in steps if "RandomFlip" not in step["type"]])
    for before, after in zip(plain, zoomed, strict=True):
        colours = {tuple(colour) for colour in before["inputs"].flatten(1).T.tolist()}
        assert {tuple(colour) for colour in after["inputs"].flatten(1).T.tolist()} <= colours
        originals = before["data_samples"].gt_instances
        cropped = after["data_samples"].gt_instances
        assert set(cropped.labels.tolist()) <= set(originals.labels.tolist())
        for mask, label in zip(cropped.masks, cropped.labels, strict=True):
            seen = {tuple(colour) for colour in after["inputs"][:, mask].T.tolist()}
            same_class = originals.masks[originals.labels == label].any(0)
            assert seen <= {tuple(colour) for colour in before["inputs"][:, same_class].T.tolist()}


def test_split_map_drops_what_a_crop_has_left_out():
    label_map = np.array([[5, 5, 0], [9, 0, 0]], dtype=np.int32)
    masks, labels = split_map(label_map, np.array([5, 7, 9]), np.array([1, 2, 3]))
    assert labels.tolist() == [1, 3]
    assert masks.tolist() == [[[True, True, False], [False] * 3], [[False] * 3, [True, False, False]]]


@pytest.mark.parametrize(
    "targets", [{"gt_seg_map": np.zeros((4, 6), np.int32), "segment_ids": [], "segment_labels": []}]
)
def test_sample_without_segments(targets):
    init_default_scope("m2f")
    results = {"img": np.zeros((4, 6, 3), np.uint8), "img_path": "a.png", "img_id": 1, **targets}
    sample = Compose([{"type": "m2f.SplitSegments"}, {"type": "m2f.PackSample"}])(results)
    assert sample["data_samples"].gt_instances.masks.shape == (0, 4, 6)


def test_semantic_sample_without_classes():
    init_default_scope("m2f")
    results = {"img": np.zeros((4, 6, 3), np.uint8), "img_path": "a.png", "gt_seg_map": np.full((4, 6), 255, np.uint8)}
    sample = Compose([{"type": "m2f.SplitClasses"}, {"type": "m2f.PackSample"}])(results)
    assert sample["data_samples"].gt_instances.masks.shape == (0, 4, 6)
    assert sample["data_samples"].img_id == "a"
