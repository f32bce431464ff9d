"""Evaluation at several scales and for a test server, of a semantic model of random weights."""

import json
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.data.unannotated import on_test_images
from m2f.engine.coco_evaluation import evaluate_on
from m2f.engine.multi_scale import at_many_scales
from m2f.errors import InputError
from m2f.models import MultiScale
from m2f.registry import MODELS

CONFIGS = Path(__file__).parents[3] / "configs" / "smoke"


@pytest.fixture
def written(tmp_path):
    """Writes the smoke config with so many classes and random weights; returns both files."""

    def write(classes):
        init_default_scope("m2f")
        config = Config.fromfile(CONFIGS / "semantic.py")
        config.model.num_stuff = classes
        config.val_dataloader.update(num_workers=0, persistent_workers=False)
        config.dump(tmp_path / "config.py")
        torch.manual_seed(0)
        torch.save({"state_dict": MODELS.build(config.model).state_dict()}, tmp_path / "weights.pth")
        return tmp_path / "config.py", tmp_path / "weights.pth"

    return write


def test_a_semantic_model_at_many_scales(written, tmp_path, monkeypatch):
    sizes = []
    scores = MultiScale.class_scores
    monkeypatch.setattr(
        MultiScale, "class_scores", lambda model, image: sizes.append(image.shape[1]) or scores(model, image)
    )
    data = ensure_scenes_in(tmp_path / "scenes")
    config = Config.fromfile(CONFIGS / "semantic.py")
    found = evaluate_on(*written(config.model.num_stuff), data, tmp_path / "out", multi_scale=True)
    assert set(found.metrics) == {"mIoU_ms"}
    assert set(found.per_image[0]) == {"image", "mIoU_ms"}
    assert sizes == 2 * [32, 32, 48, 48, 64, 64, 80, 80, 96, 96, 112, 112]


def ensure_scenes_in(root):
    ensure_scenes(SceneSpec(image_size=64, splits={"train2017": 1, "val2017": 2}, seed=0), root)
    return root


def test_predictions_for_a_test_server(written, tmp_path):
    images = tmp_path / "data/images/testing"
    images.mkdir(parents=True)
    for number, size in ((1, (40, 64)), (2, (64, 48))):
        pixels = np.random.default_rng(number).integers(256, size=(*size, 3), dtype=np.uint8)
        cv2.imwrite(str(images / f"ADE_test_{number:08d}.jpg"), pixels)
    found = evaluate_on(*written(150), tmp_path / "data", tmp_path / "out", submission="ade20k")
    assert (found.images, found.metrics, found.split) == (2, {}, "test")
    assert json.loads((tmp_path / "out/metrics.json").read_text())["metrics"] == {}
    with ZipFile(tmp_path / "out/ade20k.zip") as archive:
        assert sorted(archive.namelist()) == ["ADE_test_00000001.png", "ADE_test_00000002.png"]
        labels = cv2.imdecode(np.frombuffer(archive.read("ADE_test_00000001.png"), np.uint8), cv2.IMREAD_UNCHANGED)
    assert labels.shape == (40, 64)
    assert 1 <= labels.min() <= labels.max() <= 150


def test_test_images_at_many_scales_have_no_metric_either(tmp_path):
    config = at_many_scales(on_test_images(Config.fromfile(CONFIGS / "semantic.py"), tmp_path, "ade20k"))
    assert (config.model.type, config.val_evaluator) == ("MultiScale", [])
    types = [step["type"] for step in config.val_dataloader.dataset.pipeline]
    assert types == ["m2f.LoadImageFromFile", "m2f.PackSample"]


def test_other_tasks_are_refused(tmp_path):
    config = Config.fromfile(CONFIGS / "panoptic.py")
    with pytest.raises(InputError, match="semantic models, but the config says task = 'panoptic'"):
        at_many_scales(config)
    with pytest.raises(InputError, match="ade20k is of semantic models, but the config says task = 'panoptic'"):
        on_test_images(config, tmp_path, "ade20k")
