"""The paper's FLOPs columns: the mean over the first 100 images of COCO's val2017 (paper section 4.1)."""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from m2f.cost.flops import BILINEAR, flops_of_model, meta_model

SIZES = Path(__file__).with_name("coco_val2017_first100_sizes.csv")


def coco_flops(model_config: Mapping[str, Any]) -> float:
    """Mean multiply-accumulates of an image of COCO, masks upsampled to the input and again to the image's own size.

    Masks are predicted densely, after every layer whose prediction is used. This gives the paper's number for every row
    of Table 4 that has one, to within 0.6 G. MaskFormer's code also predicts where nothing is used, after each of its
    six layers, which is 7 G more than is counted here. One model takes about half a minute.

    Args:
        model_config: the ``model`` of a config.
    """
    decoder = model_config["transformer_decoder"]
    model = meta_model({**model_config, "transformer_decoder": {**decoder, "mask_prediction": "dense"}})
    with SIZES.open(newline="") as file:
        images = [(int(row["height"]), int(row["width"])) for row in csv.DictReader(file)]
    inputs = Counter(padded_size(*image) for image in images)
    network = sum(number * flops_of_model(model, size) for size, number in inputs.items())
    restored = BILINEAR * decoder["queries"]["num_queries"] * sum(height * width for height, width in images)
    return (network + restored) / len(images)


def padded_size(height: int, width: int) -> tuple[int, int]:
    """The network's input (height, width): shorter side 800, longer at most 1333, padded to multiples of 32."""
    scale = min(800 / min(height, width), 1333 / max(height, width))
    resized = (int(side * scale + 0.5) for side in (height, width))
    padded_height, padded_width = (-(-side // 32) * 32 for side in resized)
    return padded_height, padded_width
