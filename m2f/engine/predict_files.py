"""Segmenting files of pictures, with everything that comes of it in a directory: ``m2f predict``."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from m2f.data.images import checked_content, read_image
from m2f.engine.coco_evaluation import results_directory
from m2f.engine.kept.overlays import overlay
from m2f.engine.segmenter import Segmenter
from m2f.errors import InputError
from m2f.files import files_below
from m2f.metrics.coco_results import CocoResults

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
OVERLAYS = "overlays"
QUALITY = 92  # of an overlay, in JPEG's percent

Progress = Callable[[int, int], None]
"""Is told the images done and the images in all."""


def predict_files(
    segmenter: Segmenter, places: Sequence[Path], out: Path, batch: int = 1, progress: Progress = lambda *done: None
) -> int:
    """Segment the images that are named or lie in the directories that are, at any depth.

    Writes into a new directory, which appears when everything is done: ``overlays/<image>.jpg``, the predictions as
    :class:`~m2f.metrics.coco_results.CocoResults` does, and ``images.json`` and ``categories.json``, the files and the
    classes by the ids that those use.

    Args:
        segmenter: the model.
        places: files and directories.
        out: the new directory.
        batch: images at a time.
        progress: is told each time images are done.

    Returns:
        How many images there were.

    Raises:
        InputError: there is no image, one cannot be read, two would be written under one name, or ``out`` exists.
    """
    images = found(places)
    for path in images:
        checked_content(path, size=None)
    ids = image_ids(images)
    names = {(ids[path], str(path)): name.with_suffix(".png").as_posix() for path, name in images.items()}
    listed = [{"id": ids[path], "file_name": name.as_posix()} for path, name in images.items()]
    with results_directory(out) as directory:
        (directory / "images.json").write_text(json.dumps(listed, indent=1))
        (directory / "categories.json").write_text(json.dumps(categories(segmenter), indent=1))
        with CocoResults(directory, segmenter.category_ids, names) as results:
            progress(0, len(images))
            paths = list(images)
            for first in range(0, len(paths), batch):
                some = paths[first : first + batch]
                pixels = [read_image(path) for path in some]
                for path, image, sample in zip(some, pixels, segmenter.samples(pixels), strict=True):
                    results.add({**sample.to_dict(), "img_id": ids[path], "img_path": str(path)})
                    picture = overlay(sample, image, segmenter.classes, segmenter.palette)
                    write_overlay(directory / OVERLAYS / images[path], picture)
                progress(first + len(some), len(images))
    return len(images)


def found(places: Sequence[Path]) -> dict[Path, Path]:
    """The images at some places, each with the path that it has below its place.

    Raises:
        InputError: a place is not there or has no image, or two images have the same name.
    """
    images: dict[Path, Path] = {}
    for place in places:
        if not place.exists():
            raise InputError(f"{place} does not exist; name images, or directories of images.")
        own = (
            {path: path.relative_to(place) for path in in_directory(place)}
            if place.is_dir()
            else {place: Path(place.name)}
        )
        if not own:
            raise InputError(f"{place} has no image ({', '.join(SUFFIXES)}); name a directory that has some.")
        images |= own
    taken: dict[str, Path] = {}
    for path, name in images.items():
        other = taken.setdefault(name.with_suffix("").as_posix().casefold(), path)
        if other != path:
            raise InputError(f"{other} and {path} would be written under the same name; predict them one by one.")
    return images


def in_directory(directory: Path) -> list[Path]:
    """The images below a directory, by name."""
    return sorted(path for path in files_below(directory) if path.suffix.lower() in SUFFIXES)


def image_ids(images: Mapping[Path, Path]) -> dict[Path, int | str]:
    """Each image's id in results, of no other; where several share theirs, their paths below their places.

    Args:
        images: as :func:`found` gives them.
    """
    shared = Counter(map(image_id, images))
    return {
        path: image_id(path) if shared[image_id(path)] == 1 else name.with_suffix("").as_posix()
        for path, name in images.items()
    }


def image_id(path: Path) -> int | str:
    """The number that an image's file is named by, as COCO's are, or its name without suffix."""
    return int(path.stem) if path.stem.isdecimal() else path.stem


def categories(segmenter: Segmenter) -> list[dict[str, Any]]:
    """The classes as COCO's files list them."""
    rows = zip(segmenter.category_ids, segmenter.classes, segmenter.is_thing, strict=True)
    return [{"id": number, "name": name, "isthing": int(thing)} for number, name, thing in rows]


def write_overlay(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write RGB ``[H, W, 3]`` as JPEG, at a path whose suffix is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    path.with_suffix(".jpg").write_bytes(encoded.tobytes())
