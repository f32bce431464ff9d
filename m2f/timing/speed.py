"""How long a prediction and a training step take on the device that is there."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from m2f.models import Mask2Former
from m2f.registry import MODELS

TARGETS = 12  # segments an image, about COCO's mean


@dataclass(frozen=True)
class Timing:
    """Seconds of repeated runs after one that warms up."""

    median: float
    fastest: float
    slowest: float


def measure_speed(
    models: Sequence[Mapping[str, Any]], size: tuple[int, int], training_size: tuple[int, int], repeats: int = 3
) -> list[tuple[Timing, Timing]]:
    """Time prediction with post-processing and a training step, batch 1, float32, random weights and images.

    All models are timed in turn, round after round, so that what else the machine does meanwhile falls on all of them;
    the ratio of two rows is what travels between machines.

    Args:
        models: the ``model`` of each config.
        size: (height, width) in pixels of the padded image that is segmented.
        training_size: of the crop that is trained on.
        repeats: rounds that count.

    Returns:
        For each model the prediction's and the training step's time.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    works = [
        work
        for config in models
        for model in [build(config, device)]
        for work in (prediction(model, size, device), training_step(model, training_size, device))
    ]
    rounds = [[seconds(work, device) for work in works] for _ in range(repeats + 1)][1:]
    timings = [Timing(median(own), min(own), max(own)) for own in zip(*rounds, strict=True)]
    return list(zip(timings[::2], timings[1::2], strict=True))


def build(config: Mapping[str, Any], device: torch.device) -> Mask2Former:
    """The model with random weights."""
    return MODELS.build(dict(config)).to(device)


def prediction(model: Mask2Former, size: tuple[int, int], device: torch.device) -> Callable[[], object]:
    """A function that segments one image."""
    image = torch.randn(1, 3, *size, device=device)

    def run() -> None:
        model.eval()
        with torch.no_grad():
            model.predict(image, [DetDataSample(metainfo={"img_shape": size, "ori_shape": size})])

    return run


def training_step(model: Mask2Former, size: tuple[int, int], device: torch.device) -> Callable[[], object]:
    """A function that trains on one image once."""
    image = torch.randn(1, 3, *size, device=device)
    labels = torch.zeros(TARGETS, dtype=torch.long, device=device)
    masks = torch.zeros(TARGETS, *size, dtype=torch.bool, device=device)
    for index in range(TARGETS):
        masks[index, index * size[0] // TARGETS : (index + 1) * size[0] // TARGETS] = True
    sample = DetDataSample(metainfo={"img_shape": size, "ori_shape": size})
    sample.gt_instances = InstanceData(labels=labels, masks=masks)
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])

    def run() -> None:
        model.train()
        optimizer.zero_grad()
        model.loss(image, [sample])["loss"].backward()
        optimizer.step()

    return run


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """How long it takes, until the device is done."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
