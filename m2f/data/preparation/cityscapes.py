"""Cityscapes: maps of training labels, panoptic PNGs and their annotation files.

As cityscapesScripts' createTrainIdLabelImgs.py and createPanopticImgs.py make them. The first draws polygons; here its
maps are looked up in those of labels, which were drawn from the same polygons in the same order.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from m2f.data.category_lists import category_list
from m2f.data.images import VOID_LABEL, encode_png, read_labels, segment_colours
from m2f.data.preparation.masks import box_and_area
from m2f.data.preparation.part import Image, Part, Record, write_compact_json
from m2f.errors import InputError
from m2f.files import write_atomically

SPLITS = ("train", "val")
OF_OBJECTS = 1000  # values of instanceIds from here on are labelId * 1000 + number
COMPRESSION = 1


def parts(root: Path) -> Iterator[Part]:
    """What is to be made below ``cityscapes/gtFine``."""
    for split in SPLITS:
        truth = root / "gtFine" / split
        maps = sorted(truth.glob("*/*_gtFine_labelIds.png"))
        yield Part(
            name=f"training labels of {split}",
            images=[
                Image(frame(path), {"map": path}, path.with_name(f"{frame(path)}_gtFine_labelTrainIds.png"))
                for path in maps
            ],
            make=look_labels_up,
            records=root / f".labels_{split}.lines",
        )
        folder = root / "gtFine" / f"cityscapes_panoptic_{split}"
        finished = folder.with_suffix(".json")
        yield Part(
            name=f"segments of {split}",
            images=[
                Image(frame(path), {"map": path}, folder / f"{frame(path)}_gtFine_panoptic.png")
                for path in sorted(truth.glob("*/*_gtFine_instanceIds.png"))
            ],
            make=segments_of,
            records=root / f".panoptic_{split}.lines",
            finished=(finished,),
            finish=partial(write_annotations, finished),
        )


def frame(path: Path) -> str:
    """City, sequence and frame, by which everything of an image is called."""
    return path.name.partition("_gtFine")[0]


def look_labels_up(image: Image) -> Record:
    """Write the map of training labels, 255 for void."""
    table = np.full(256, VOID_LABEL, np.uint8)
    for label, category in enumerate(category_list("cityscapes")):
        table[category["id"]] = label
    assert image.target is not None
    write_atomically(image.target, encode_png(table[read_labels(image.sources["map"])], COMPRESSION), lasting=False)
    return {}


def read_instance_ids(path: Path) -> Any:
    """``instanceIds``: labelId * 1000 + number for an object, else labelId, int32 [H, W].

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with Pillow.open(path) as image:
            return np.array(image).astype(np.int32)
    except OSError as error:
        raise InputError(f"{path} is not a whole image; fetch it again.") from error


def segments_of(image: Image) -> Record:
    """Write the panoptic PNG, whose segments have the values of ``instanceIds``, and tell them.

    A thing class's pixels without number are a crowd; classes that are not evaluated are void.
    """
    ids = read_instance_ids(image.sources["map"])
    categories = {category["id"]: category for category in category_list("cityscapes")}
    segments = []
    for number in np.unique(ids).tolist():
        category = categories.get(number if number < OF_OBJECTS else number // OF_OBJECTS)
        mask = ids == number
        if category is None:
            ids[mask] = 0
            continue
        crowd = int(bool(category["isthing"]) and number < OF_OBJECTS)
        segments.append({"id": number, "category_id": category["id"], "iscrowd": crowd, **box_and_area(mask)})
    assert image.target is not None
    write_atomically(image.target, encode_png(segment_colours(ids), COMPRESSION), lasting=False)
    height, width = ids.shape
    return {
        # The name under which createPanopticImgs lists an image is no file's.
        "image": {"id": image.id, "file_name": f"{image.id}_gtFine_leftImg8bit.png", "width": width, "height": height},
        "annotation": {"image_id": image.id, "file_name": image.target.name, "segments_info": segments},
    }


def write_annotations(path: Path, records: list[Record]) -> None:
    """Write the annotation file."""
    write_compact_json(
        path,
        {
            "images": [record["image"] for record in records],
            "annotations": [record["annotation"] for record in records],
            "categories": [dict(category) for category in category_list("cityscapes")],
        },
    )
