"""What a run's model costs, counted from the config in its directory."""

from pathlib import Path
from typing import Any

# Height and width in pixels of a test image of photographs, multiples of 32. COCO: shorter side 800, and as many pixels
# as the 100 padded images have in the mean over which the paper counts. ADE20K: shorter side 512, four to three.
TEST_SIZES = {"coco": (800, 1120), "ade20k": (512, 704)}


def inference_flops(run_directory: Path) -> float:
    """Multiply-accumulates of one forward pass of a run's model on a test image, counted without weights.

    Masks are predicted densely after every layer, as in the paper's own numbers.
    """
    from mmengine import Config

    from m2f.cost import flops

    config = Config.fromfile(run_directory / "config.py").to_dict()
    decoder = {**config["model"]["transformer_decoder"], "mask_prediction": "dense"}
    return flops({**config["model"], "transformer_decoder": decoder}, image_size(config))


def image_size(config: dict[str, Any]) -> tuple[int, int]:
    """Height and width in pixels of the images that a run is tested on."""
    if "scenes" in config:
        side = config["scenes"]["image_size"]
        return side, side
    return TEST_SIZES[config["dataset_name"]]
