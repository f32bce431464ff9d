"""The shared memory through which workers hand images to the training."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from m2f.cost.images import training_size
from m2f.errors import InputError

PLACE = Path("/dev/shm")
PREFETCH = 2  # batches a worker that are ready ahead, as torch has it
TARGETS = 11  # masks of an image, COCO's average


def sample_bytes(config: Mapping[str, Any]) -> int:
    """Bytes of a training image with the masks of its targets, a byte a pixel each; 0 where the size cannot be told."""
    height, width = training_size(config) or (0, 0)
    return height * width * (3 + TARGETS)


def loader_bytes(config: Mapping[str, Any]) -> int:
    """Bytes of the batches that all workers of a training have ready: workers x batches ahead x images x sample.

    Args:
        config: a whole config; its ``batch_size`` is that of all processes together or of one, and so is the answer,
            for each process has as many workers.
    """
    loader = config["train_dataloader"]
    ahead = loader.get("num_workers", 0) * (loader.get("prefetch_factor") or PREFETCH)
    return ahead * loader["batch_size"] * sample_bytes(config)


def check_shared_memory(config: Mapping[str, Any], processes: int = 1) -> None:
    """See that the batches which workers have ready find room, where else the first of them dies of a bus error.

    Args:
        config: see :func:`loader_bytes`; its ``batch_size`` is that of one process.
        processes: of the training on this machine, which all have workers.

    Raises:
        InputError: they do not.
    """
    needed = processes * loader_bytes(config)
    if needed and PLACE.is_dir() and (free := shutil.disk_usage(PLACE).free) < needed:
        raise InputError(
            f"{PLACE} has {free / 1e9:.2f} GB free, and the images that workers have ready take {needed / 1e9:.2f} GB; "
            "enlarge it (Docker: --shm-size or --ipc=host), or lower train_dataloader.num_workers."
        )
