"""The images on which a model's FLOPs are counted: the paper's for COCO, the training crop for other data."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from m2f.errors import InputError

SIZES = Path(__file__).with_name("coco_val2017_first100_sizes.csv")


@dataclass(frozen=True)
class Images:
    """Sizes of images as (height, width) in pixels.

    Attributes:
        padded: how many images the network sees at each size, multiples of 32.
        restored_pixels: pixels of an image's own size in the mean, to which masks are upsampled last; 0 where they stay
            at the network's input size.
    """

    padded: Mapping[tuple[int, int], int]
    restored_pixels: float = 0.0


def images_of(config: Mapping[str, Any]) -> Images:
    """The images on which the paper counts a config's FLOPs.

    COCO: the first 100 of val2017 (section 4.1). Elsewhere the training crop, as for ADE20K (Table V).

    Raises:
        InputError: the training pipeline has no crop of one size.
    """
    if config["dataset_name"] == "coco":
        return coco_images()
    crop = crop_size(config)
    if crop is None:
        raise InputError("FLOPs are counted on the training crop, and this config's train pipeline pads to no size.")
    return Images({crop: 1})


def training_size(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """(height, width) of the images that a config trains on, multiples of 32; None where that cannot be told.

    It is that of the crop. Images that are resized alone count as 3:4, COCO's commonest shape, the shorter side being
    the middle one of those that are drawn.
    """
    if (crop := crop_size(config)) is not None:
        return padded_to(crop[0]), padded_to(crop[1])
    drawn = [step["scales"] for step in steps_of(training_pipeline(config)) if "scales" in step]
    if not drawn:
        return None
    shorter = sorted(min(scale) if isinstance(scale, Sequence) else scale for scale in drawn[-1])[len(drawn[-1]) // 2]
    return padded_to(shorter), padded_to(shorter * 4 / 3)


def crop_size(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """(height, width) to which a config's training images are padded; None where that is no one size."""
    sizes = [step["size"] for step in training_pipeline(config) if "Pad" in step["type"] and "size" in step]
    if not sizes:
        return None
    width, height = sizes[0]  # as mmdet.Pad has them
    return height, width


def training_pipeline(config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The steps through which a config's training images go."""
    dataset = config["train_dataloader"]["dataset"]
    while "dataset" in dataset:
        dataset = dataset["dataset"]
    return dataset.get("pipeline", [])


def steps_of(pipeline: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """The steps of a pipeline, with those among which one is drawn, in their order."""
    for step in pipeline:
        if isinstance(step, Mapping):
            yield step
            yield from steps_of(step.get("transforms", []))
        else:
            yield from steps_of(step)


@cache
def coco_images() -> Images:
    """The first 100 images of COCO's val2017, resized and padded."""
    with SIZES.open(newline="") as file:
        images = [(int(row["height"]), int(row["width"])) for row in csv.DictReader(file)]
    pixels = sum(height * width for height, width in images) / len(images)
    return Images(Counter(padded_size(*image) for image in images), pixels)


def padded_size(height: int, width: int) -> tuple[int, int]:
    """The network's input (height, width): shorter side 800, longer at most 1333, padded to multiples of 32."""
    scale = min(800 / min(height, width), 1333 / max(height, width))
    return padded_to(int(height * scale + 0.5)), padded_to(int(width * scale + 0.5))


def padded_to(side: float) -> int:
    """The smallest multiple of 32 that holds a side."""
    return ceil(side / 32) * 32
