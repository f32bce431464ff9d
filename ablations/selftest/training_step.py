"""Seconds and memory of the baseline's whole training step at the paper's scale, and the hours that follow for tables.

A step is all that a training does with a batch but loading it: normalisation, forward pass, matching, loss, backward
pass and update, on a GPU in the config's own precision. A CPU trains on one smaller image, in float32.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from mmdet.structures import DetDataSample
from mmengine.optim import build_optim_wrapper
from mmengine.structures import InstanceData

from ablations.costs.timed import SIZES
from ablations.planning.plan import config_of_scale, row_config
from ablations.planning.scales import chosen_scale
from ablations.selftest.designs import built
from ablations.studies import TABLES
from ablations.studies.study import Study
from m2f.cost.training_flops import training_flops
from m2f.engine.precision import set_precision
from m2f.timing.inputs import OBJECTS, random_inputs
from m2f.timing.peak_memory import peak_on_cpu, peak_on_gpu
from m2f.timing.speed import seconds

Config = Mapping[str, Any]
FLOPS = 2  # of a multiply-accumulate
TASK = "panoptic"


@dataclass(frozen=True)
class Extent:
    """How much is measured: images of a batch, pixels of their side, rounds that warm up and rounds that count."""

    images: int
    side: int
    warm_up: int
    rounds: int


EXTENTS = {"cuda": Extent(2, 1024, 5, 20), "cpu": Extent(1, 256, 1, 2)}  # two images: the paper's batch on eight GPUs


@dataclass(frozen=True)
class TrainingStep:
    """A measured step.

    Attributes:
        seconds: the median of the rounds.
        flops: two for each multiply-accumulate, of all images.
        memory: bytes at the peak, on a CPU with the interpreter and its libraries.
        images: of the batch.
        side: of the square images, in pixels.
        precision: of the optimizer's wrapper, ``mixed`` or ``float32``.
    """

    seconds: float
    flops: float
    memory: int
    images: int
    side: int
    precision: str

    @property
    def speed(self) -> float:
        """FLOPs a second."""
        return self.flops / self.seconds


def measure_step(device: torch.device) -> TrainingStep:
    """Time the baseline of the paper's scale."""
    extent = EXTENTS[device.type]
    config = paper_config(TASK)
    wrapper = dict(config["optim_wrapper"])
    if device.type == "cpu":  # which has no mixed precision
        wrapper = {key: value for key, value in wrapper.items() if key not in ("dtype", "loss_scale")}
        wrapper["type"] = "OptimWrapper"
    set_precision({"optim_wrapper": wrapper})
    model = built(config["model"]).to(device).train()
    optimizer = build_optim_wrapper(model, wrapper)
    data = images_with_targets(extent, config["model"])

    def step() -> None:
        model.train_step(data, optimizer)

    times = [seconds(step, device) for _ in range(extent.warm_up + extent.rounds)][extent.warm_up :]
    peak = peak_on_gpu(step) if device.type == "cuda" else peak_on_cpu(step)
    counted = training_flops(config["model"], (extent.side, extent.side), OBJECTS)
    precision = "float32" if wrapper["type"] == "OptimWrapper" else "mixed"
    flops = FLOPS * extent.images * counted
    return TrainingStep(median(times), flops, peak.total, extent.images, extent.side, precision)


def at_full_size(step: TrainingStep) -> bool:
    """Whether a step was measured as the paper trains; the speed of a smaller one tells no hours."""
    return step.side == EXTENTS["cuda"].side


def images_with_targets(extent: Extent, model: Config) -> dict[str, list[Any]]:
    """A batch as a data loader gives it: images of ellipses, which are the targets."""
    size = (extent.side, extent.side)
    drawn = random_inputs(size, extent.images, model["num_things"] + model["num_stuff"], torch.device("cpu"))
    pixels = (128 + 50 * drawn.images).clamp(0, 255).to(torch.uint8)
    shapes = {"img_shape": size, "ori_shape": size}
    samples = [
        DetDataSample(metainfo=shapes, gt_instances=InstanceData(labels=labels, masks=masks))
        for labels, masks in zip(drawn.labels, drawn.masks, strict=True)
    ]
    return {"inputs": list(pixels), "data_samples": samples}


def table_hours(speed: float) -> dict[str, float]:
    """Hours of one such device for each of the paper's tables at the paper's scale, all tasks, one seed.

    Runs that rows share count once. Every row is taken for its task's baseline, and evaluations are left out.

    Args:
        speed: FLOPs a second.
    """
    configs = {task: config_of_scale(chosen_scale("paper"), task) for study in TABLES for task in study.tasks}
    crops = {task: SIZES[file.config["dataset_name"]][1] for task, file in configs.items()}
    model = configs[TASK].config["model"]  # classes are some hundred-thousandths of the others'
    counted = {crop: training_flops(model, crop) for crop in set(crops.values())}
    flops = {task: FLOPS * trained_images(file.config) * counted[crops[task]] for task, file in configs.items()}
    hours = {}
    for study in TABLES:
        if not study.scales:
            runs = [task for task in study.tasks for _ in range(distinct_rows(study, configs[task]))]
            hours[study.table] = sum(flops[task] for task in runs) / speed / 3600
    return hours


def trained_images(config: Config) -> int:
    """How many images a training sees."""
    return config["train_cfg"]["max_iters"] * config["train_dataloader"]["batch_size"]


def distinct_rows(study: Study, file: Any) -> int:
    """How many of a table's rows are different trainings."""
    return len({json.dumps(row_config(file, own.overrides), sort_keys=True) for own in study.variations})


def paper_config(task: str) -> Config:
    """The baseline's config at the paper's scale."""
    return config_of_scale(chosen_scale("paper"), task).config
