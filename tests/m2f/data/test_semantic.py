from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from m2f.data.semantic import tell_classes
from m2f.data.transforms import LabelSegments
from m2f.errors import InputError
from m2f.registry import DATASETS


def test_truth_of_a_validation_sample_is_the_file(load_config, scenes_root):
    dataset = DATASETS.build(load_config("scenes_semantic").val_dataloader.dataset)
    for sample in dataset:
        path = scenes_root / "annotations/semantic_val2017" / f"{sample['data_samples'].img_id}.png"
        truth = sample["data_samples"].gt_sem_seg.data
        assert truth.shape == (1, 64, 64)
        assert (truth[0].numpy() == cv2.imread(str(path), cv2.IMREAD_UNCHANGED)).all()


def test_missing_directory_is_named(load_config):
    settings = load_config("scenes_semantic").val_dataloader.dataset
    settings.data_prefix.img_path = "val2018/"
    with pytest.raises(InputError, match="val2018"):
        DATASETS.build(settings)


def test_map_that_is_no_image_is_named(load_config, tmp_path, scenes_root):
    settings = load_config("scenes_semantic").val_dataloader.dataset
    settings.data_prefix.seg_map_path = str(tmp_path)
    (tmp_path / "000000000001.png").write_text("no image")
    dataset = DATASETS.build(settings)
    with pytest.raises(InputError, match=r"000000000001\.png is not a readable image"):
        dataset[0]


def test_ade20k_maps_lose_their_zero_label(load_config, tmp_path):
    """ADE20K's label 0 is "other" and does not count: 1 to 150 become 0 to 149, at the image's own size."""
    for split in ("training", "validation"):
        for directory in (f"images/{split}", f"annotations/{split}"):
            (tmp_path / directory).mkdir(parents=True)
        semantic = np.array([[0, 1], [2, 150]], dtype=np.uint8).repeat(40, 0).repeat(30, 1)
        cv2.imwrite(str(tmp_path / f"annotations/{split}/a.png"), semantic)
        cv2.imwrite(str(tmp_path / f"images/{split}/a.jpg"), np.full((80, 60, 3), 200, np.uint8))
    config = load_config("ade20k_semantic", tmp_path)

    sample = DATASETS.build(config.val_dataloader.dataset)[0]
    assert sample["inputs"].shape == (3, 683, 512)
    truth = sample["data_samples"].gt_sem_seg.data
    assert truth.shape == (1, 80, 60)
    assert truth.unique().tolist() == [0, 1, 149, 255]
    assert (truth[0, :40, :30] == 255).all()

    sample = DATASETS.build(config.train_dataloader.dataset.dataset)[0]
    assert sample["inputs"].shape == (3, 512, 512)
    assert set(sample["data_samples"].gt_instances.labels.tolist()) <= {0, 1, 149}


def test_more_classes_than_a_map_has_labels_are_refused():
    """Label 255 would be void."""
    steps = SimpleNamespace(transforms=[LabelSegments()])
    tell_classes(SimpleNamespace(pipeline=steps, metainfo={"classes": range(255)}))
    with pytest.raises(InputError, match="has 256 classes, and semantic maps hold 255 at most"):
        tell_classes(SimpleNamespace(pipeline=steps, metainfo={"classes": range(256)}))
