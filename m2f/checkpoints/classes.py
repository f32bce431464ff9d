"""The names of the classes that a model was trained on, where its checkpoint tells."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch

from m2f.checkpoints.torch_file import BESIDE_TENSORS


def read_classes(path: Path) -> tuple[str, ...] | None:
    """The names of a checkpoint's classes in the order of its labels, or None where it has none.

    mmengine's trainings, ours as well, write them beside the weights. The official code's files have none, and
    transformers' are often numbers.

    Args:
        path: a file or directory that :func:`m2f.checkpoints.read_checkpoint` has read.
    """
    if path.suffix not in (".pth", ".pt") or not path.is_file():
        return None
    mapped = is_zipfile(path)  # then no tensor is read; torch's files of before 1.6 are none
    with torch.serialization.safe_globals(BESIDE_TENSORS):
        return class_names(torch.load(path, map_location="cpu", weights_only=True, mmap=mapped))


def class_names(content: Any) -> tuple[str, ...] | None:
    """The names of the classes among what a checkpoint holds; mmdet 2 and early 3 wrote them under another key."""
    meta = part(content, "meta")
    for place in (part(meta, "dataset_meta"), meta):
        for key in ("classes", "CLASSES"):
            names = place.get(key)
            if isinstance(names, list | tuple) and names and all(isinstance(name, str) for name in names):
                return tuple(names)
    return None


def part(content: Any, key: str) -> Mapping[str, Any]:
    """A mapping within a mapping, empty if there is none."""
    value = content.get(key) if isinstance(content, Mapping) else None
    return value if isinstance(value, Mapping) else {}
