"""What trainings write into a checkpoint beside its tensors, read as plain values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch

from m2f.checkpoints.torch_file import BESIDE_TENSORS


def read_meta(path: Path) -> Mapping[str, Any]:
    """What mmengine's trainings, ours as well, write beside the weights; empty where there is none.

    Args:
        path: a file or directory that :func:`m2f.checkpoints.read_checkpoint` has read.
    """
    if path.suffix not in (".pth", ".pt") or not path.is_file():
        return {}
    mapped = is_zipfile(path)  # then no tensor is read; torch's files of before 1.6 are none
    with torch.serialization.safe_globals(BESIDE_TENSORS):
        return part(torch.load(path, map_location="cpu", weights_only=True, mmap=mapped), "meta")


def part(content: Any, key: str) -> Mapping[str, Any]:
    """A mapping within a mapping, empty if there is none."""
    value = content.get(key) if isinstance(content, Mapping) else None
    return value if isinstance(value, Mapping) else {}
