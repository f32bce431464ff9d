from pathlib import Path

import pytest
from mmengine.config import Config

from m2f.cost.images import coco_images, images_of, padded_size, training_size
from m2f.errors import InputError

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.mark.parametrize(
    ("image", "expected"),
    [((480, 640), (800, 1088)), ((640, 480), (1088, 800)), ((200, 640), (448, 1344)), ((800, 1333), (800, 1344))],
)
def test_images_are_resized_and_padded(image, expected):
    assert padded_size(*image) == expected


def test_the_papers_images_have_903803_pixels_on_average():
    images = coco_images()
    assert sum(images.padded.values()) == 100
    pixels = sum(number * height * width for (height, width), number in images.padded.items())
    assert pixels / 100 == pytest.approx(903_803, abs=1)


@pytest.mark.parametrize(
    ("config", "padded"),
    [
        ("mini/panoptic", {(128, 128): 1}),
        ("paper/semantic", {(512, 512): 1}),
        ("paper/cityscapes/panoptic", {(512, 1024): 1}),
    ],
)
def test_other_data_are_counted_on_their_training_crop(config, padded):
    assert images_of(Config.fromfile(CONFIGS / f"{config}.py")).padded == padded


def test_coco_is_counted_on_the_papers_images():
    assert images_of(Config.fromfile(CONFIGS / "paper" / "instance.py")) == coco_images()


def test_a_pipeline_without_a_crop_of_one_size_is_bad_input():
    config = Config.fromfile(CONFIGS / "mini" / "panoptic.py")
    config.train_dataloader.dataset.dataset.pipeline = config.settings.pipelines.standard
    with pytest.raises(InputError, match="pads to no size"):
        images_of(config)


@pytest.mark.parametrize(
    ("scale", "task", "pipeline", "size"),
    [
        ("paper", "panoptic", None, (1024, 1024)),
        ("lite", "instance", None, (512, 512)),
        ("paper", "semantic", "crop_640", (640, 640)),
        # Shorter sides of 480 to 800, in the middle 640; at 4:3 the longer is 853, padded to 864.
        ("paper", "panoptic", "standard", (640, 864)),
        ("paper", "instance", "standard_with_crop", (640, 864)),
    ],
)
def test_size_of_training_images(scale, task, pipeline, size):
    config = Config.fromfile(CONFIGS / scale / f"{task}.py")
    if pipeline:
        config.train_dataloader.dataset.dataset.pipeline = config.settings.pipelines[pipeline]
    assert training_size(config) == size


def test_a_size_that_cannot_be_told():
    assert training_size({"train_dataloader": {"dataset": {"pipeline": [{"type": "m2f.LoadImage"}]}}}) is None
