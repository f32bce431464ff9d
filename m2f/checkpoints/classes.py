"""The names of the classes that a model was trained on, where its checkpoint tells."""

from pathlib import Path
from typing import Any

from m2f.checkpoints.meta import part, read_meta


def read_classes(path: Path) -> tuple[str, ...] | None:
    """The names of a checkpoint's classes in the order of its labels, or None where it has none.

    mmengine's trainings, ours as well, write them beside the weights. The official code's files have none, and
    transformers' are often numbers.

    Args:
        path: a file or directory that :func:`m2f.checkpoints.read_checkpoint` has read.
    """
    return class_names({"meta": read_meta(path)})


def class_names(content: Any) -> tuple[str, ...] | None:
    """The names of the classes among what a checkpoint holds; mmdet 2 and early 3 wrote them under another key."""
    meta = part(content, "meta")
    for place in (part(meta, "dataset_meta"), meta):
        for key in ("classes", "CLASSES"):
            names = place.get(key)
            if isinstance(names, list | tuple) and names and all(isinstance(name, str) for name in names):
                return tuple(names)
    return None
