"""What COCO's layout asks of an annotation file, and reading a file by it.

Decoding checks the type of every value that anything here relies on; other keys are left out. What values mean
together is looked at in ``m2f.data.annotations``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import msgspec

from m2f.errors import InputError
from m2f.files import load_json

Kind = Literal["panoptic", "instances"]
"""A panoptic file has segments, whose pixels are in PNGs; an instances file has objects with their masks."""

Id = int | str
Flag = int | bool
LISTS = ("images", "annotations", "categories")


class Image(TypedDict):
    """An image; ``file_name`` is needed where it is to be read."""

    id: Id
    width: int
    height: int
    file_name: NotRequired[str]


class Category(TypedDict):
    """A class; without ``isthing`` a thing."""

    id: int
    name: str
    isthing: NotRequired[Flag]
    color: NotRequired[list[int] | None]


class Segment(TypedDict):
    """A segment; its area is measured in the PNG, whatever is said here."""

    id: int
    category_id: int
    iscrowd: Flag
    area: NotRequired[Any]


class PanopticAnnotation(TypedDict):
    """The segments of an image, and the PNG of their ids."""

    image_id: Id
    file_name: str
    segments_info: list[Segment]


class RunLengths(TypedDict):
    """A mask column by column: lengths of runs, background first, or their compressed code."""

    size: list[int]
    counts: list[int] | str


class Instance(TypedDict):
    """An object; what is absent beside its image, class and mask is made up for."""

    image_id: Id
    category_id: int
    id: NotRequired[int | float | str | None]
    iscrowd: NotRequired[Flag]
    ignore: NotRequired[Flag]
    area: NotRequired[int | float | None]
    bbox: NotRequired[list[float] | None]
    segmentation: NotRequired[list[list[float]] | RunLengths | None]


class PanopticFile(TypedDict):
    """``panoptic_*.json``."""

    images: list[Image]
    annotations: list[PanopticAnnotation]
    categories: list[Category]


class InstancesFile(TypedDict):
    """``instances_*.json``."""

    images: list[Image]
    annotations: list[Instance]
    categories: list[Category]


class CategoriesFile(TypedDict):
    """Either, of which only the classes are of interest."""

    categories: list[Category]


FILES: dict[str, Any] = {"panoptic": PanopticFile, "instances": InstancesFile}
ENTRIES: dict[str, dict[str, Any]] = {
    "panoptic": {"images": Image, "annotations": PanopticAnnotation, "categories": Category},
    "instances": {"images": Image, "annotations": Instance, "categories": Category},
}
NOUNS = {"images": "an image", "annotations": "an annotation", "categories": "a category"}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_layout(path: Path, kind: Kind) -> tuple[dict[str, Any], list[str]]:
    """The content of an annotation file, and the entries that are not as the layout asks, a sentence each.

    The content has the keys of the layout alone; it lacks entries that are named.

    Raises:
        InputError: the file is missing, no whole JSON, or lacks one of the three lists.
    """
    try:
        return msgspec.json.decode(octets(path), type=FILES[kind]), []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return read_slowly(path, kind)


def read_categories(path: Path) -> list[dict[str, Any]]:
    """The categories of an annotation file, in a fraction of the time that all of it takes.

    Raises:
        InputError: the file is missing or no whole JSON, or its categories are not as the layout asks.
    """
    try:
        content: dict[str, Any] = msgspec.json.decode(octets(path), type=CategoriesFile)  # type: ignore[assignment]
        return content["categories"]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        content = load_json(path)
        require_list(path, content, "categories")
        problems: list[str] = []
        categories = list(entries(path, "categories", content["categories"], Category, problems))
        if problems:
            raise InputError(problems[0]) from None
        return categories


def octets(path: Path) -> bytes:
    """A file's bytes without a mark of their order.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    except OSError as error:
        raise InputError(f"Cannot read {path} ({error.strerror}); check the data directory.") from error


def read_slowly(path: Path, kind: Kind) -> tuple[dict[str, Any], list[str]]:
    """As :func:`read_layout`, entry by entry, so that every wrong one is named; NaN and infinities are let through."""
    loose = load_json(path)
    for name in LISTS:
        require_list(path, loose, name)
    problems: list[str] = []
    content = {name: list(entries(path, name, loose[name], ENTRIES[kind][name], problems)) for name in LISTS}
    return content, problems


def require_list(path: Path, content: Any, name: str) -> None:
    """Raise ``InputError`` if a file's content has no such list."""
    if not isinstance(content, dict) or not isinstance(content.get(name), list):
        raise InputError(
            f"{path} is not an annotation file in COCO's layout: it has no list '{name}'; name such a file, or add it."
        )


def entries(path: Path, name: str, loose: list[Any], layout: Any, problems: list[str]) -> Iterator[Any]:
    """The entries of a list that are as the layout asks; the others are added to ``problems``."""
    for index, entry in enumerate(loose):
        try:
            yield msgspec.convert(entry, layout)
        except (msgspec.ValidationError, OverflowError, RecursionError, UnicodeEncodeError) as error:
            problems.append(sentence(path, name, index, entry, error))


def sentence(path: Path, name: str, index: int, entry: Any, error: Exception) -> str:
    """What is wrong with an entry of a list."""
    reason, _, place = str(error).partition(" - at `$")
    key = next((key for key in ("id", "image_id") if isinstance(entry, dict) and key in entry), None)
    where = f"{name}[{index}]{place.removesuffix('`')}" + (f" ({key} {short(entry[key])})" if key else "")
    if absent := re.fullmatch(r"Object missing required field `(\w+)`", reason):
        noun = "a segment" if "segments_info" in place else NOUNS[name]
        return f"{path} has {noun} without '{absent[1]}', which COCO's layout asks for; add it to {where}."
    return f"{path} has at {where} what COCO's layout has not: {reason[:1].lower()}{reason[1:]}; write it so."


def short(value: Any) -> str:
    """A value as it may stand in a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
