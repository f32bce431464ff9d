"""The names of the classes that a model was trained on, where its checkpoint tells."""

import re
from pathlib import Path
from typing import Any

from m2f.checkpoints.meta import part, read_meta
from m2f.checkpoints.reading import read_json

PLACEHOLDER = re.compile(r"(LABEL_)?\d+")  # what transformers calls a class that nobody named


def read_classes(path: Path) -> tuple[str, ...] | None:
    """The names of a checkpoint's classes in the order of its labels, or None where it has none.

    mmengine's trainings, ours as well, write them beside the weights, transformers into its directory's
    ``config.json``. The official code's files have none.

    Args:
        path: a file or directory that :func:`m2f.checkpoints.read_checkpoint` has read.

    Raises:
        InputError: the ``config.json`` of a directory cannot be read.
    """
    if path.is_dir():
        return names_by_number(read_json(path / "config.json").get("id2label"))
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


def names_by_number(id2label: Any) -> tuple[str, ...] | None:
    """The names of transformers' classes, or None where one is missing or all are numbers alone."""
    if not isinstance(id2label, dict) or not id2label:
        return None
    names: list[Any] = [id2label.get(str(number)) for number in range(len(id2label))]
    if not all(isinstance(name, str) for name in names) or all(PLACEHOLDER.fullmatch(name) for name in names):
        return None
    return tuple(names)
