"""The images on which a model's FLOPs are counted: the paper's for COCO, the training crop for other data."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
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
    pads = [step for step in config["train_dataloader"]["dataset"]["dataset"]["pipeline"] if "Pad" in step["type"]]
    if not pads:
        raise InputError("FLOPs are counted on the training crop, and this config's train pipeline pads to no size.")
    height, width = pads[0]["size"]
    return Images({(height, width): 1})


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
    resized = (int(side * scale + 0.5) for side in (height, width))
    padded_height, padded_width = (-(-side // 32) * 32 for side in resized)
    return padded_height, padded_width
