"""How large images, batches and a training should be, from the data and the device."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from ablations.own_data.contents import Contents
from ablations.running.environment import available_cores

PASSES = 50  # over the training images, as the paper's 50 epochs of COCO
CPU_ITERATIONS = (100, 300)  # at least and at most: minutes
GPU_ITERATIONS = (500, 90_000)  # hours
CPU_SIDE, GPU_SIDE, LEAST_SIDE = 256, 1024, 64  # pixels
CPU_BATCH, GPU_BATCHES = 4, (16, 8, 4, 2)
TARGETS = 11  # of an image, COCO's average
SHARE = 0.8  # of a GPU's memory that a training may take by its count
GIBIBYTE = 2**30


@dataclass(frozen=True)
class Device:
    """What a training is to run on.

    Attributes:
        name: as sentences call it.
        memory: of a GPU, in bytes; 0 without one.
    """

    name: str
    memory: int = 0


@dataclass(frozen=True)
class Proposal:
    """How large a training is to be.

    Attributes:
        size: side in pixels of the square that training images are cut to, and evaluated ones fit in.
        batch: images an iteration.
        iterations: of the training.
        device: what it was proposed for.
    """

    size: int
    batch: int
    iterations: int
    device: Device


def this_device() -> Device:
    """The first GPU, or the CPU where there is none."""
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Device(f"{properties.name} with {properties.total_memory / GIBIBYTE:.0f} GiB", properties.total_memory)
    return Device(f"a CPU with {available_cores()} core{'s' * (available_cores() > 1)}")


def propose(contents: Contents, device: Device) -> Proposal:
    """What fits a data set and a device.

    Images keep their size up to what the device trains in time, 256 pixels on a CPU and the paper's 1024 on a GPU. A
    GPU's batch is the paper's 16, or as many as its memory holds by count. The training sees each image 50 times,
    within bounds.
    """
    most = GPU_SIDE if device.memory else CPU_SIDE
    size = min(max(ceil(contents.longest / 32) * 32, LEAST_SIDE), most)
    batch = next((each for each in GPU_BATCHES if fits(size, each, device)), 1) if device.memory else CPU_BATCH
    least, at_most = GPU_ITERATIONS if device.memory else CPU_ITERATIONS
    iterations = min(max(ceil(PASSES * contents.train.images / batch), least), at_most)
    return Proposal(size, batch, iterations, device)


def fits(size: int, batch: int, device: Device) -> bool:
    """Whether a GPU holds a training step of the paper's model, by the count of its memory."""
    from ablations.costs.demand import step_memory
    from m2f.config_files import read_config
    from m2f.own_configs import own_config

    config: dict[str, Any] = read_config(own_config("paper/panoptic.py")).to_dict()
    pad = {"type": "mmdet.Pad", "size": (size, size)}
    config["train_dataloader"] = {"dataset": {"pipeline": [pad]}}
    return step_memory(config, batch, TARGETS) <= SHARE * device.memory
