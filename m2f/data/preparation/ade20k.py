"""ADE20K: semantic maps from 0, panoptic PNGs and both annotation files.

As prepare_ade20k_{sem,pan,ins}_seg.py of the official code make them, with two differences: the colours of further
things of a class, which those draw at random, are the same every time; and a segment that others cover is left out,
where those keep it without a pixel.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from m2f.data.category_lists import category_list
from m2f.data.images import encode_png, from_zero, read_image, read_labels, segment_colours
from m2f.data.preparation.masks import box_and_area, run_lengths
from m2f.data.preparation.part import Image, Part, Record, write_compact_json
from m2f.errors import InputError
from m2f.files import write_atomically

SPLITS = {"train": "training", "val": "validation"}
LARGEST_DISTANCE = 30  # of a channel, by which a further thing's colour differs from its class's
COMPRESSION = 1


def parts(root: Path) -> Iterator[Part]:
    """What is to be made below ``ADEChallengeData2016``.

    Raises:
        InputError: an image has no map.
    """
    for name, split in SPLITS.items():
        images = sorted((root / "images" / split).glob("*.jpg"))
        yield semantic_part(root, split, images)
        if (root / "annotations_instance" / split).is_dir():
            yield panoptic_part(root, name, split, images)


def semantic_part(root: Path, split: str, images: list[Path]) -> Part:
    """Semantic maps from 0, 255 for void."""
    place = f"annotations_detectron2/{split}"
    return Part(
        name=f"semantic maps of {split}",
        images=[
            Image(
                path.stem,
                {"map": found(root / "annotations" / split / f"{path.stem}.png")},
                root / place / f"{path.stem}.png",
            )
            for path in images
        ],
        make=shift_labels,
        records=root / f".semantic_{split}.lines",
    )


def shift_labels(image: Image) -> Record:
    """Write a map whose labels are one lower."""
    labels = read_labels(image.sources["map"])
    write(image, from_zero(labels))
    return {}


def panoptic_part(root: Path, name: str, split: str, images: list[Path]) -> Part:
    """Panoptic PNGs, and annotation files of segments and of things."""
    folder = root / f"ade20k_panoptic_{name}"
    panoptic, instances = folder.with_suffix(".json"), root / f"ade20k_instance_{name}.json"
    return Part(
        name=f"segments of {split}",
        images=[
            Image(
                path.stem,
                {
                    "image": path,
                    "map": found(root / "annotations" / split / f"{path.stem}.png"),
                    "things": found(root / "annotations_instance" / split / f"{path.stem}.png"),
                },
                folder / f"{path.stem}.png",
            )
            for path in images
        ],
        make=merge,
        records=root / f".panoptic_{name}.lines",
        finished=(panoptic, instances),
        finish=partial(write_annotations, panoptic, instances),
    )


def merge(image: Image) -> Record:
    """Write stuff of the semantic map with the things of the other map over it, and tell the segments."""
    labels = read_labels(image.sources["map"])
    size = image_size(image.sources["image"], labels)
    things = read_image(image.sources["things"], size)  # BGR
    categories, numbers = things[:, :, 2], things[:, :, 1]
    segment_map = np.zeros(labels.shape, np.int32)
    colours = Colours()
    segments = []
    for label in np.unique(labels[labels > 0]).tolist():
        category = category_list("ade20k")[label - 1]
        if not category["isthing"]:
            segments.append({"id": colours.take(category), "category_id": category["id"]})
            segment_map[labels == label] = segments[-1]["id"]
    instances = []
    thing_categories = [category for category in category_list("ade20k") if category["isthing"]]
    for number in np.unique(numbers[numbers > 0]).tolist():
        mask = numbers == number
        own = np.unique(categories[mask]).tolist()
        if len(own) != 1 or not 0 < own[0] <= len(thing_categories):
            raise InputError(
                f"{image.sources['things']} has object {number} of the classes {own}; it must be of one, from 1 to "
                f"{len(thing_categories)}: fetch the file again."
            )
        category = thing_categories[own[0] - 1]
        segments.append({"id": colours.take(category), "category_id": category["id"]})
        segment_map[mask] = segments[-1]["id"]
        instances.append(
            {"iscrowd": 0, "category_id": category["id"], "segmentation": run_lengths(mask), **box_and_area(mask)}
        )
    write(image, segment_colours(segment_map))
    visible = set(np.unique(segment_map).tolist())
    return {
        "image": {"id": image.id, "file_name": image.sources["image"].name, "width": size[1], "height": size[0]},
        "segments": [
            {**segment, "iscrowd": 0, **box_and_area(segment_map == segment["id"])}
            for segment in segments
            if segment["id"] in visible
        ],
        "instances": instances,
    }


def image_size(path: Path, labels: NDArray[np.uint8]) -> tuple[int, int]:
    """Height and width of an image, which must be those of its map.

    Raises:
        InputError: they are others, or the image cannot be read.
    """
    try:
        with Pillow.open(path) as image:
            width, height = image.size
    except OSError as error:
        raise InputError(f"{path} is not a readable image; fetch it again.") from error
    if (height, width) != labels.shape:
        raise InputError(
            f"{path} and its map have other sizes, {(height, width)} and {labels.shape}; fetch both again."
        )
    return height, width


class Colours:
    """Segment ids by which one sees the class: its colour, and near it for its further things."""

    def __init__(self) -> None:
        self.taken = {0} | {number_of(category["color"]) for category in category_list("ade20k")}
        self.of_things: set[int] = set()
        self.random = np.random.default_rng(0)

    def take(self, category: dict[str, Any]) -> int:
        """An id that no other segment of the image has."""
        own = number_of(category["color"])
        if not category["isthing"]:
            return own
        while own in self.of_things or (own in self.taken and own != number_of(category["color"])):
            moved = self.random.integers(-LARGEST_DISTANCE, LARGEST_DISTANCE + 1, 3) + category["color"]
            own = number_of(np.clip(moved, 0, 255).tolist())
        self.of_things.add(own)
        return own


def number_of(colour: list[int]) -> int:
    """The segment id that has a colour."""
    red, green, blue = colour
    return red + (green << 8) + (blue << 16)


def write_annotations(panoptic: Path, instances: Path, records: list[Record]) -> None:
    """Write both annotation files."""
    kept = ("name", "id", "isthing", "color")
    content = {
        "images": [record["image"] for record in records],
        "annotations": [
            {
                "image_id": record["image"]["id"],
                "file_name": f"{record['image']['id']}.png",
                "segments_info": record["segments"],
            }
            for record in records
        ],
        "categories": [{key: category[key] for key in kept} for category in category_list("ade20k")],
    }
    write_compact_json(panoptic, content)
    objects = [(record["image"]["id"], instance) for record in records for instance in record["instances"]]
    things = [category for category in category_list("ade20k") if category["isthing"]]
    content = {
        "images": content["images"],
        "categories": [{"id": category["id"], "name": category["instance_name"]} for category in things],
        "annotations": [
            {"id": number, "image_id": image, **instance} for number, (image, instance) in enumerate(objects, start=1)
        ],
    }
    write_compact_json(instances, content)


def write(image: Image, pixels: NDArray[np.uint8]) -> None:
    """Write an image's target."""
    assert image.target is not None
    write_atomically(image.target, encode_png(pixels, COMPRESSION), lasting=False)


def found(path: Path) -> Path:
    """A file that is there.

    Raises:
        InputError: it is not.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; fetch it, or remove its image.")
    return path
