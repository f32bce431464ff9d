"""Ground truth of the metrics: annotation files in COCO layout, checked when a metric is built."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from m2f.data.annotations import load_annotations
from m2f.errors import InputError

FIELDS = {"id", "category_id", "iscrowd", "area"}
"""What COCO's layout says of a panoptic segment and the metrics use."""


def load_panoptic_annotations(path: Path, directory: Path) -> dict[str, Any]:
    """Read a panoptic annotation file and check that each of its PNGs lies in ``directory``.

    Raises:
        InputError: the file is missing, cut off or of another layout, the directory or one of its PNGs is missing, or a
            segment lacks a field or its category is not among the file's categories.
    """
    content = load_annotations(path)
    if not directory.is_dir():
        raise InputError(f"The directory of panoptic PNGs {directory} does not exist; {path} needs it.")
    found = {file.name for file in directory.iterdir()}
    known = {category["id"] for category in content["categories"]}
    for annotation in content["annotations"]:
        if annotation["file_name"] not in found:
            raise InputError(f"The panoptic PNG {directory / annotation['file_name']} named in {path} is missing.")
        for segment in annotation["segments_info"]:
            if lacking := FIELDS - segment.keys():
                raise InputError(f"{path} has a segment without '{min(lacking)}', which COCO's layout asks for.")
            if segment["category_id"] not in known:
                raise InputError(f"{path} has a segment of the unknown category {segment['category_id']}.")
    return content


def check_image_ids(path: Path, known: Iterable[int], evaluated: Iterable[int]) -> None:
    """Check that the evaluated images have ground truth.

    Raises:
        InputError: the file knows nothing of one of them.
    """
    unknown = set(evaluated) - set(known)
    if unknown:
        raise InputError(f"{path} has no ground truth for image {min(unknown)}; evaluate on the split it belongs to.")


def check_class_names(path: Path, categories: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    """Check that a label, the index of a class in the data set, is also its index among the file's categories.

    Raises:
        InputError: the number of classes or one of their names disagrees.
    """
    if len(categories) != len(names):
        raise InputError(f"{path} has {len(categories)} categories, but the data set has {len(names)} classes.")
    for label, (category, name) in enumerate(zip(categories, names, strict=True)):
        if category["name"] != name:
            raise InputError(f"Category {label} of {path} is '{category['name']}', but '{name}' in the data set.")
