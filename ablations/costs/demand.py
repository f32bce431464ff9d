"""What a config's training takes of a GPU and of a disk, counted from its model, each design once in a process."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from ablations.costs.gpu_hours import PER_MULTIPLY

Config = Mapping[str, Any]
# In the paper's model classes are some hundred-thousandths of it; with the same ones for all, a design is counted once.
COUNTED_AS = {"task": "panoptic", "num_things": 80, "num_stuff": 53}


def counted(config: Config) -> bool:
    """Whether a config says of what size its training images are, without which nothing of a GPU can be counted."""
    from m2f.cost.images import training_size

    return training_size(config) is not None


def run_flops(config: Config) -> float:
    """FLOPs of a whole training without its evaluations, two for each multiply-accumulate."""
    from m2f.cost.images import training_size

    images = config["train_cfg"]["max_iters"] * config["train_dataloader"]["batch_size"]
    return PER_MULTIPLY * step_flops(design(config), training_size(config)) * images


def step_memory(config: Config, images: int, targets: int, sampling_kernel: bool = True) -> int:
    """Bytes of a training step at their peak, as :func:`m2f.cost.memory.training_memory` counts them.

    Args:
        config: a whole config.
        images: on one GPU.
        targets: segments of each image.
        sampling_kernel: whether deformable sampling has one.
    """
    from m2f.cost.images import training_size
    from m2f.engine.precision import is_mixed

    size = training_size(config)
    return peak_memory(design(config), size, images, targets, is_mixed(config), sampling_kernel)


def checkpoint_size(config: Config) -> int:
    """Bytes of one checkpoint."""
    return size_of_checkpoint(json.dumps({key: config[key] for key in ("model", "optim_wrapper")}, sort_keys=True))


def design(config: Config) -> str:
    """A config's model as text, whatever its classes."""
    return json.dumps({**config["model"], **COUNTED_AS}, sort_keys=True)


@cache
def step_flops(model: str, size: tuple[int, int] | None) -> float:
    """Multiply-accumulates of a training step of one image."""
    from m2f.cost.training_flops import training_flops

    assert size
    return training_flops(json.loads(model), size)


@cache
def peak_memory(
    model: str, size: tuple[int, int] | None, images: int, targets: int, mixed: bool, sampling_kernel: bool
) -> int:
    """Bytes of a training step at their peak."""
    from m2f.cost.memory import training_memory

    assert size
    return training_memory(json.loads(model), size, images, targets, mixed, sampling_kernel).peak


@cache
def size_of_checkpoint(config: str) -> int:
    """Bytes of one checkpoint of a config as text."""
    from m2f.cost.checkpoint import checkpoint_bytes

    return checkpoint_bytes(json.loads(config))
