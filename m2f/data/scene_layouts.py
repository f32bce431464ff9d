"""Generated scenes as the archives of ADE20K, Cityscapes and Mapillary Vistas are laid out, and in their encodings.

For trying everything that happens to those data sets, on a few small images: the first classes of each are the
scenes'. A third of each scene's height is left out, so that images are not square.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from m2f.data.category_lists import category_list
from m2f.data.images import encode_png, segment_colours
from m2f.data.preparation.masks import box_and_area
from m2f.data.preparation.part import write_compact_json
from m2f.data.scene_classes import STUFF, THINGS
from m2f.data.scene_painting import paint
from m2f.data.scenes import SceneSpec
from m2f.errors import InputError
from m2f.files import new_directory

COMPRESSION = 1


@dataclass(frozen=True)
class Segment:
    """A segment of a scene: its pixels ``[H, W]``, its place in the list of categories, and whether it is a crowd."""

    mask: NDArray[np.bool_]
    label: int
    crowd: bool


@dataclass(frozen=True)
class Frame:
    """A scene, uint8 RGB [H, W, 3], its segments, and its place in its split."""

    image: NDArray[np.uint8]
    segments: tuple[Segment, ...]
    index: int

    def labels(self, values: Mapping[int, int], void: int, kind: type = np.uint8) -> NDArray[Any]:
        """A map [H, W] of a value for each label."""
        found: NDArray[Any] = np.full(self.image.shape[:2], void, kind)
        for segment in self.segments:
            found[segment.mask] = values[segment.label]
        return found


def frames(dataset: str, spec: SceneSpec, split: str) -> Iterator[Frame]:
    """The scenes of a split, with classes of a data set."""
    categories = category_list(dataset)
    things, stuff = ([label for label, own in enumerate(categories) if own["isthing"] == kind] for kind in (1, 0))
    own = {scene_class.category_id: label for scene_class, label in zip(THINGS, things, strict=False)}
    own |= {scene_class.category_id: label for scene_class, label in zip(STUFF, stuff, strict=False)}
    height = 2 * spec.image_size // 3
    for index in range(spec.splits[split]):
        scene = paint(spec.seed, split, index, spec.image_size)
        masks = [(part, scene.segment_map[:height] == part["id"]) for part in scene.segments]
        segments = (
            Segment(mask, own[part["category_id"]], bool(part["iscrowd"])) for part, mask in masks if mask.any()
        )
        yield Frame(scene.image[:height], tuple(segments), index)


def write_ade20k(root: Path, spec: SceneSpec) -> None:
    """Images, semantic maps from 1, and objects by class and number; crowds have no object."""
    categories = category_list("ade20k")
    numbers = {label: number for number, label in enumerate((c["id"] for c in categories if c["isthing"]), start=1)}
    for split, word in (("training", "train"), ("validation", "val")):
        for frame in frames("ade20k", spec, split):
            name = f"ADE_{word}_{frame.index + 1:08d}"
            write_jpeg(root / "images" / split / f"{name}.jpg", frame.image)
            labels = frame.labels({label: label + 1 for label in range(len(categories))}, 0)
            write_png(root / "annotations" / split / f"{name}.png", labels)
            objects = np.zeros_like(frame.image)
            things = (part for part in frame.segments if categories[part.label]["isthing"] and not part.crowd)
            for number, thing in enumerate(things, start=1):
                objects[thing.mask] = (numbers[thing.label], number, 0)
            write_png(root / "annotations_instance" / split / f"{name}.png", objects)


def write_cityscapes(root: Path, spec: SceneSpec) -> None:
    """Images in a directory for each of two cities, maps of labels, and of objects in 16 bits."""
    categories = category_list("cityscapes")
    for split in ("train", "val"):
        for frame in frames("cityscapes", spec, split):
            city = f"{split}{'ab'[frame.index % 2]}"
            name = f"{city}/{city}_{frame.index:06d}_000019"
            write_png(root / "leftImg8bit" / split / f"{name}_leftImg8bit.png", frame.image)
            ids = {label: category["id"] for label, category in enumerate(categories)}
            write_png(root / "gtFine" / split / f"{name}_gtFine_labelIds.png", frame.labels(ids, 0))
            objects = frame.labels(ids, 0, np.uint16)
            for number, part in enumerate(frame.segments):
                if categories[part.label]["isthing"] and not part.crowd:
                    objects[part.mask] = 1000 * ids[part.label] + number
            path = root / "gtFine" / split / f"{name}_gtFine_instanceIds.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(objects).save(path)


def write_mapillary(root: Path, spec: SceneSpec) -> None:
    """Images, maps of labels, and panoptic PNGs with their annotation file."""
    categories = category_list("mapillary")
    void = len(categories)
    for split in ("training", "validation"):
        images, annotations = [], []
        for frame in frames("mapillary", spec, split):
            name = f"scene-{frame.index}_{split}"
            write_jpeg(root / split / "images" / f"{name}.jpg", frame.image)
            labels = frame.labels({label: label for label in range(void)}, void)
            write_png(root / split / "labels" / f"{name}.png", labels)
            segment_map = np.zeros(labels.shape, np.int32)
            infos = []
            for number, part in enumerate(frame.segments, start=256):  # beyond what one channel holds
                segment_map[part.mask] = number
                own = {"id": number, "category_id": categories[part.label]["id"], "iscrowd": int(part.crowd)}
                infos.append({**own, **box_and_area(part.mask)})
            write_png(root / split / "panoptic" / f"{name}.png", segment_colours(segment_map))
            height, width = labels.shape
            images.append({"id": name, "file_name": f"{name}.jpg", "width": width, "height": height})
            annotations.append({"image_id": name, "file_name": f"{name}.png", "segments_info": infos})
        content = {"images": images, "annotations": annotations, "categories": [dict(own) for own in categories]}
        write_compact_json(root / split / "panoptic" / "panoptic_2018.json", content)


@dataclass(frozen=True)
class Layout:
    """A data set's layout: its two splits, and what writes scenes so."""

    splits: tuple[str, str]
    write: Callable[[Path, SceneSpec], None]


LAYOUTS = {
    "ade20k": Layout(("training", "validation"), write_ade20k),
    "cityscapes": Layout(("train", "val"), write_cityscapes),
    "mapillary": Layout(("training", "validation"), write_mapillary),
}


def write_layout(dataset: str, root: Path, spec: SceneSpec) -> None:
    """Write the scenes of a spec as the archives of a data set have them.

    Args:
        dataset: one of ``LAYOUTS``.
        root: a new directory, which appears when it is whole.
        spec: its splits are the data set's own.

    Raises:
        InputError: they are others, or ``root`` exists or cannot be written.
    """
    layout = LAYOUTS[dataset]
    if set(spec.splits) != set(layout.splits):
        raise InputError(f"The splits of {dataset} are {' and '.join(layout.splits)}; give the size of each.")
    if root.exists():
        raise InputError(f"{root} exists and is not written over; name another directory.")
    try:
        with new_directory(root) as directory:
            layout.write(directory, spec)
    except OSError as error:
        raise InputError(f"Scenes cannot be written to {root}: {error.strerror}; choose another directory.") from error


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an RGB or grey image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(pixels, COMPRESSION))


def write_jpeg(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an RGB image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", pixels[:, :, ::-1])[1].tobytes())
