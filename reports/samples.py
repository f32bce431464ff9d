"""Sample predictions: the same images for every design, ready to be laid out in a grid."""

import hashlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from m2f.engine.kept import SAMPLES

IMAGES = 3  # of every design and task; fifteen tables of them must stay one page that opens quickly
LONGEST_SIDE = 256  # pixels; enough for a grid cell, and keeps the page small at the paper's image sizes
QUALITY = 85  # of a photograph that was made smaller, in JPEG's percent


def gallery(run_directories: Mapping[str, Path]) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Images that every design has a sample of, as rows of a grid, and the files they show.

    `run_directories` maps a design's name to the directory of its run. A row is `{id, image, truth, predictions}`,
    whose values name files (`predictions` in the designs' order). A file is named by its content: the image that all
    designs saw, and a run that several tables show, are one file each.
    """
    designs = list(run_directories.values())
    rows: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for image_id in _evenly(_common_images(designs)):
        pictures = [
            stored_picture(designs[0], image_id, "image"),
            stored_picture(designs[0], image_id, "truth"),
            *(stored_picture(directory, image_id, "prediction") for directory in designs),
        ]
        files |= dict(pictures)
        names = [name for name, _ in pictures]
        rows.append({"id": image_id, "image": names[0], "truth": names[1], "predictions": names[2:]})
    return rows, files


def _common_images(run_directories: list[Path]) -> list[str]:
    """Ids of the images that every run drew, in their order."""
    per_run = [sampled_images(directory) for directory in run_directories]
    common = set.intersection(*map(set, per_run)) if per_run else set()
    return [image_id for image_id in per_run[0] if image_id in common] if common else []


def sampled_images(run_directory: Path) -> list[str]:
    """Ids of the images that a run drew, shortest first and then by name, so that numbers come in order."""
    paths = (run_directory / SAMPLES).glob("*_prediction.png")
    return sorted((path.name.removesuffix("_prediction.png") for path in paths), key=lambda own: (len(own), own))


def _evenly(image_ids: list[str]) -> list[str]:
    """At most IMAGES of them, spread evenly from the first to the last."""
    if len(image_ids) <= IMAGES:
        return image_ids
    return [image_ids[number * (len(image_ids) - 1) // (IMAGES - 1)] for number in range(IMAGES)]


def stored_picture(run_directory: Path, image_id: str, kind: str) -> tuple[str, bytes]:
    """A picture that a run drew: its file in the report, named by its content, and that content."""
    suffix, data = _thumbnail(run_directory / SAMPLES / f"{image_id}_{kind}.png")
    return f"samples/{hashlib.sha256(data).hexdigest()[:16]}.{suffix}", data


def _thumbnail(path: Path) -> tuple[str, bytes]:
    """The picture's suffix and bytes: as it is, if it is small."""
    with Image.open(path) as image:
        if max(image.size) <= LONGEST_SIDE:
            return "png", path.read_bytes()
        small = image.convert("RGB")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        stream = BytesIO()
        small.save(stream, "JPEG", quality=QUALITY)
        return "jpg", stream.getvalue()
