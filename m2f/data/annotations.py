"""Annotation files in COCO's layout: read, checked, and made up for where that needs no guess.

Data sets, metrics and ``m2f data verify`` all read annotations here, so that what one of them takes the others take.
Pixels of images and PNGs are looked at where they are read, in ``m2f.data.images``.
"""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import normpath
from typing import Any

from m2f.data.classes import things_of
from m2f.data.colours import class_colour
from m2f.data.layout import Kind, read_layout, short
from m2f.data.segmentations import Box, Extent, MaskError, Size, extent, pixel_area
from m2f.errors import InputError

LARGEST_SIDE = 2**16 - 1  # of a JPEG
MOST_PIXELS = 2**30  # that OpenCV reads
LARGEST_CATEGORY = 2**16 - 1  # that a PNG of categories holds
LARGEST_SEGMENT = 2**24 - 1  # that R + 256 G + 65536 B holds
LONGEST_NAME, LONGEST_PATH = 255, 2048  # bytes, of a file or a directory, and of all below a data set's
LONGEST_ID = 150  # characters; pictures are named by it
SAME_BOX = 0.5  # IoU below which a box is not that of the mask; annotations round, and count pixels in several ways
SAME_SIDE = 2.0  # pixels by which a box may always differ
TINY = 4  # pixels, of an image that may have all its objects within its first pixel
LEAST_SIDE = 1  # pixels, of a box below which mmdet leaves an object out

logger = logging.getLogger(__name__)


@dataclass
class Examined:
    """An annotation file that has been looked through.

    Attributes:
        content: ``images``, ``annotations`` and ``categories``; sound if there are no problems.
        problems: what cannot be used, a sentence each.
        repairs: what was made up for, a sentence each.
    """

    content: dict[str, Any]
    problems: list[str]
    repairs: list[str] = field(default_factory=list)


def load_annotations(path: str | Path, kind: Kind = "instances") -> dict[str, Any]:
    """Read an annotation file with its ``images``, ``annotations`` and ``categories``; what is made up for is logged.

    Of each entry only the keys of ``m2f.data.layout`` are kept. Objects of an instances file all have a whole number as
    ``id``, each its own, ``iscrowd``, ``area`` and ``bbox``.

    Raises:
        InputError: the file is missing, cut off, or holds what cannot be used.
    """
    examined = examine(Path(path), kind)
    if examined.problems:
        others = len(examined.problems) - 1
        more = (
            f" There {'is 1 problem' if others == 1 else f'are {others} problems'} more; `m2f data verify` names all."
        )
        raise InputError(examined.problems[0] + more * bool(others))
    for repair in examined.repairs:
        logger.warning(repair)
    return examined.content


def examine(path: Path, kind: Kind) -> Examined:
    """Look through an annotation file.

    Raises:
        InputError: it is missing, no whole JSON, or lacks one of its lists.
    """
    content, problems = read_layout(path, kind)
    examined = Examined(content, problems)
    if not problems:  # else what is left out would be missed again and again
        problems += category_problems(path, content["categories"])
        problems += image_problems(path, content["images"])
        check = panoptic_problems if kind == "panoptic" else instance_problems
        problems += check(path, content, examined.repairs)
        problems[:] = dict.fromkeys(problems)
    return examined


def category_problems(path: Path, categories: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the classes of a file; flags become 0 and 1."""
    if not categories:
        yield f"{path} lists no category; name its classes in 'categories'."
    yield from repeated(path, "categories", (category["id"] for category in categories), "id", "give each its own")
    yield from repeated(path, "categories", (category["name"] for category in categories), "name", "rename one")
    for category in categories:
        if not 0 <= category["id"] <= LARGEST_CATEGORY:
            yield f"{path} has category {category['id']}; number categories from 0 to {LARGEST_CATEGORY}."
        if not category["name"].strip() or not is_text(category["name"]):
            yield f"{path} has category {category['id']} with the name {category['name']!r}; give it one."
        if not set_flag(category, "isthing", 1):
            yield f"{path} says isthing {category['isthing']} of category {category['id']}; it must be 0 or 1."
        if not is_colour(category.get("color")):
            category.pop("color", None)


def is_colour(value: list[int] | None) -> bool:
    """Whether this is red, green and blue."""
    return value is not None and len(value) == 3 and all(0 <= channel <= 255 for channel in value)


def image_problems(path: Path, images: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the images of a file."""
    if not images:
        yield f"{path} lists no image; list those that it annotates in 'images'."
    yield from repeated(path, "images", (image["id"] for image in images), "id", "give each its own")
    files = (normpath(image["file_name"]) for image in images if "file_name" in image)
    yield from repeated(path, "images", files, "file_name", "list it once, with all its objects")
    for image in images:
        width, height = image["width"], image["height"]
        if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE and width * height <= MOST_PIXELS):
            yield (
                f"{path} says that image {short(image['id'])} is {short(width)} pixels wide and {short(height)} high; "
                "write the size that its file has."
            )
        name = image["id"]
        if isinstance(name, str) and not (is_text(name) and 0 < len(name) <= LONGEST_ID):
            yield f"{path} has an image with the id {short(name)}; an id has 1 to {LONGEST_ID} characters."
        yield from file_name_problems(path, image, f"image {short(name)}")


def file_name_problems(path: Path, entry: dict[str, Any], what: str) -> Iterator[str]:
    """Whether an entry's ``file_name``, where it has one, can be a file's."""
    name = entry.get("file_name", "1")
    if not can_name_a_file(name):
        yield f"{path} gives {what} the file_name {short(name)}; write its path below the directory of its kind."


def is_text(text: str) -> bool:
    """Whether a text can be written and can name a file."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False


def can_name_a_file(name: str) -> bool:
    """Whether a text can be a file's path, which any file system is to take."""
    if not name.strip("/. ") or not is_text(name):
        return False
    return len(name.encode()) <= LONGEST_PATH and all(len(part.encode()) <= LONGEST_NAME for part in name.split("/"))


def repeated(path: Path, name: str, values: Iterable[Any], key: str, mend: str) -> Iterator[str]:
    """Each value that a list of the file has twice."""
    seen = set()
    for value in values:
        if value in seen:
            yield f"{path} has two {name} with the {key} {short(value)}; {mend}."
        seen.add(value)


def set_flag(entry: dict[str, Any], key: str, absent: int) -> bool:
    """Make a flag 0 or 1, and say whether it was one."""
    value = entry.get(key, absent)
    if value not in (0, 1):
        return False
    entry[key] = int(value)
    return True


def panoptic_problems(path: Path, content: dict[str, Any], repairs: list[str]) -> Iterator[str]:
    """What is wrong with the segments of a panoptic file; flags become 0 and 1."""
    images = {image["id"] for image in content["images"]}
    known = {category["id"] for category in content["categories"]}
    annotated: set[Any] = set()
    for annotation in content["annotations"]:
        image = annotation["image_id"]
        if image not in images:
            yield f"{path} annotates image {short(image)}, which it does not list; list it, or remove its annotation."
        if image in annotated:
            yield f"{path} has two annotations of image {short(image)}; keep one."
        annotated.add(image)
        yield from file_name_problems(path, annotation, f"the annotation of image {short(image)}")
        seen = set()
        for segment in annotation["segments_info"]:
            number, category = segment["id"], segment["category_id"]
            if category not in known:
                yield f"{path} uses category {short(category)}, which it does not list; list it in 'categories'."
            if not 0 < number <= LARGEST_SEGMENT:
                where = f"image {short(image)} of {path} cannot be in a PNG"
                yield f"Segment {short(number)} of {where}; number segments from 1 to {LARGEST_SEGMENT}."
            if number in seen:
                yield f"{path} has two segments {number} of image {short(image)}; give each its own pixels and id."
            seen.add(number)
            if not set_flag(segment, "iscrowd", 0):
                where = f"segment {number} of image {short(image)}"
                yield f"{path} says iscrowd {segment['iscrowd']} of {where}; it must be 0 or 1."
    for image in images - annotated:
        yield f"{path} has no annotation for image {short(image)}; add it, with no segment if there is none."


def instance_problems(path: Path, content: dict[str, Any], repairs: list[str]) -> Iterator[str]:
    """What is wrong with the objects of an instances file; what is absent besides is made up for."""
    sizes: dict[Any, Size] = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    known = {category["id"] for category in content["categories"]}
    areas: list[str] = []
    boxes: list[str] = []
    yield from share_problems(path, content["annotations"], sizes)
    for index, instance in enumerate(content["annotations"]):
        image, category = instance["image_id"], instance["category_id"]
        if category not in known:
            yield f"{path} uses category {short(category)}, which it does not list; list it in 'categories'."
        if image not in sizes:
            yield f"{path} annotates image {short(image)}, which it does not list; list it, or remove its annotation."
            continue
        size = sizes[image]
        for key in ("iscrowd", "ignore"):
            if not set_flag(instance, key, 0):
                yield f"{path} says {key} {instance[key]} of {named(instance, index)}; it must be 0 or 1."
        if min(size) <= 0 or max(size) > LARGEST_SIDE:
            continue  # said of the image
        try:
            found = extent(instance.get("segmentation"), size)
        except MaskError as error:
            yield f"{path}: {named(instance, index)} {error}."
            continue
        if not has_area(instance.get("area"), size):
            instance["area"] = area_of(instance, found, size)
            areas.append(named(instance, index))
        if not has_box(instance.get("bbox"), found.box):
            left, top, right, bottom = found.box
            instance["bbox"] = [float(side) for side in (left, top, right - left, bottom - top)]
            boxes.append(named(instance, index))
    repairs += repair(path, areas, "without a possible 'area', which is measured in pixels")
    repairs += repair(path, boxes, "without the 'bbox' of its mask, which is taken from that")
    repairs += renumbered(path, content["annotations"])


def share_problems(path: Path, instances: Sequence[dict[str, Any]], sizes: dict[Any, Size]) -> Iterator[str]:
    """Whether the points of all polygons are shares of their images, as YOLO writes them: each is within a pixel."""
    first = None
    for index, instance in enumerate(instances):
        segmentation = instance.get("segmentation")
        if isinstance(segmentation, list) and min(sizes.get(instance["image_id"], (0,))) > TINY:
            if not are_shares(segmentation):
                return
            first = first or named(instance, index)
    if first:
        yield (
            f"{path} has no point beyond 1 in any polygon, first {first}: they are shares of the image; "
            "write points in pixels, x times the width and y times the height."
        )


def are_shares(polygons: list[list[float]]) -> bool:
    """Whether there are numbers, and all are from 0 to 1."""
    return any(polygons) and all(0 <= number <= 1 for polygon in polygons for number in polygon)


def named(instance: dict[str, Any], index: int) -> str:
    """How a sentence calls an object."""
    own = f"annotations[{index}]" if instance.get("id") is None else f"annotation {short(instance['id'])}"
    return f"{own} of image {short(instance['image_id'])}"


def has_area(area: float | None, size: Size) -> bool:
    """Whether an area can be that of an object of an image."""
    return area is not None and 0 < area <= size[0] * size[1]  # not so of NaN


def area_of(instance: dict[str, Any], found: Extent, size: Size) -> int:
    """The pixels of an object."""
    return pixel_area(instance["segmentation"], size) if found.pixels is None else found.pixels


def has_box(stated: list[float] | None, box: Box) -> bool:
    """Whether a box ``[x, y, width, height]`` is there and about that of a mask."""
    if stated is None or len(stated) != 4:
        return False
    x, y, width, height = stated
    left, top, right, bottom = box
    if width <= 0 or height <= 0 or not math.isfinite(sum(stated)):
        return False
    if max(abs(x - left), abs(y - top), abs(x + width - right), abs(y + height - bottom)) <= SAME_SIDE:
        return True
    shared_width = min(x + width, right) - max(x, left)
    shared_height = min(y + height, bottom) - max(y, top)
    shared = max(shared_width, 0.0) * max(shared_height, 0.0)
    return shared >= SAME_BOX * (width * height + (right - left) * (bottom - top) - shared)


def renumbered(path: Path, instances: Sequence[dict[str, Any]]) -> list[str]:
    """Number objects from 1 if some lack a number or share it, and say so."""
    numbers = {instance.get("id") for instance in instances}
    if len(numbers) == len(instances) and all(isinstance(number, int) for number in numbers):
        return []
    for number, instance in enumerate(instances, start=1):
        instance["id"] = number
    return [f"{path} has objects without a number as 'id', or with the same; all are numbered from 1."] * bool(
        instances
    )


def repair(path: Path, repaired: Sequence[str], what: str) -> list[str]:
    """Say that something was made up for."""
    if not repaired:
        return []
    more = f" and {len(repaired) - 1} more" if len(repaired) > 1 else ""
    return [f"{path} has {repaired[0]}{more} {what}."]


def require_objects(path: str | Path, content: dict[str, Any]) -> None:
    """Check that there is something to learn or to find.

    Raises:
        InputError: all segments or objects are crowds, or there is none, or mmdet leaves out all objects.
    """
    parts = (part for annotation in content["annotations"] for part in annotation.get("segments_info", [annotation]))
    if all(part.get("iscrowd") for part in parts):
        raise InputError(f"{path} has no segment or object that is not a crowd; annotate some, or leave the split out.")
    objects = [annotation for annotation in content["annotations"] if "segments_info" not in annotation]
    things = {category["id"] for category in things_of(content["categories"])}
    if objects and not any(is_learned(instance, things) for instance in objects):
        raise InputError(
            f"{path} has no object to learn: each is a crowd, stuff, to be ignored, or less than {LEAST_SIDE} pixel "
            "wide or high; write points and boxes in pixels, annotate some, or leave the split out."
        )


def is_learned(instance: dict[str, Any], things: set[int]) -> bool:
    """Whether mmdet's ``CocoDataset`` leaves an object, of a sound file, among those to learn."""
    if instance["iscrowd"] or instance["ignore"] or instance["category_id"] not in things:
        return False
    return min(instance["bbox"][2:]) >= LEAST_SIDE


def require_file_names(path: str | Path, content: dict[str, Any]) -> None:
    """Check that each image says its file.

    Raises:
        InputError: one does not.
    """
    for index, image in enumerate(content["images"]):
        if "file_name" not in image:
            raise InputError(
                f"{path} has an image without 'file_name', which COCO's layout asks for; "
                f"add it to images[{index}] (id {short(image['id'])})."
            )


def class_metainfo(categories: list[dict[str, Any]]) -> dict[str, Any]:
    """What mmengine calls a data set's metainfo, from the categories of its annotation file, in their order.

    ``instances_*.json`` of COCO does not say ``isthing``: there every category is a thing.
    """
    things = things_of(categories)
    return {
        "classes": tuple(category["name"] for category in categories),
        "thing_classes": tuple(category["name"] for category in things),
        "thing_ids": tuple(category["id"] for category in things),
        "stuff_classes": tuple(category["name"] for category in categories if category not in things),
        "palette": [tuple(category.get("color", class_colour(label))) for label, category in enumerate(categories)],
    }
