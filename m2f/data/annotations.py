"""Annotation files in COCO's layout: read and checked before anything relies on them."""

from pathlib import Path
from typing import Any

from m2f.data.colours import class_colour
from m2f.errors import InputError
from m2f.files import load_json


def load_annotations(path: str | Path) -> dict[str, Any]:
    """Read an annotation file with its ``images``, ``annotations`` and ``categories``.

    Raises:
        InputError: the file is missing, cut off, or lacks one of the three lists.
    """
    content = load_json(Path(path))
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise InputError(f"{path} is not an annotation file in COCO's layout: it has no list '{key}'.")
    return content


def class_metainfo(categories: list[dict[str, Any]]) -> dict[str, Any]:
    """What mmengine calls a data set's metainfo, from the categories of its annotation file, in their order.

    ``instances_*.json`` of COCO does not say ``isthing``: there every category is a thing.
    """
    things = [category["name"] for category in categories if category.get("isthing", 1)]
    stuff = [category["name"] for category in categories if not category.get("isthing", 1)]
    return {
        "classes": tuple(category["name"] for category in categories),
        "thing_classes": tuple(things),
        "stuff_classes": tuple(stuff),
        "palette": [tuple(category.get("color", class_colour(label))) for label, category in enumerate(categories)],
    }
