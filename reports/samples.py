"""Sample predictions: the same images for every design, ready to be laid out in a grid."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

IMAGES = 4
LONGEST_SIDE = 320  # pixels; enough for a grid cell, and keeps the page small at the paper's image sizes


def gallery(run_directories: Mapping[str, Path], prefix: str) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Images that every design has a sample of, as rows of a grid, and the files they show.

    `run_directories` maps a design's name to the directory of its run. A row is `{id, image, truth, predictions}`,
    whose values name PNG files (`predictions` in the designs' order); the names start with `prefix`.
    """
    designs = list(run_directories.values())
    rows: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for image_id in _evenly(_common_images(designs)):
        sources = [
            _sample(designs[0], image_id, "image"),
            _sample(designs[0], image_id, "truth"),
            *(_sample(directory, image_id, "prediction") for directory in designs),
        ]
        names = [f"{prefix}-{image_id}-{number}.png" for number in range(len(sources))]
        files |= {name: _thumbnail(source) for name, source in zip(names, sources, strict=True)}
        rows.append({"id": image_id, "image": names[0], "truth": names[1], "predictions": names[2:]})
    return rows, files


def _common_images(run_directories: list[Path]) -> list[str]:
    """Ids of the images that every run drew, shortest first and then by name, so that numbers come in order."""
    per_run = [
        {path.name.removesuffix("_prediction.png") for path in (directory / "samples").glob("*_prediction.png")}
        for directory in run_directories
    ]
    common = set.intersection(*per_run) if per_run else set()
    return sorted(common, key=lambda image_id: (len(image_id), image_id))


def _evenly(image_ids: list[str]) -> list[str]:
    """At most IMAGES of them, spread evenly from the first to the last."""
    if len(image_ids) <= IMAGES:
        return image_ids
    return [image_ids[number * (len(image_ids) - 1) // (IMAGES - 1)] for number in range(IMAGES)]


def _sample(run_directory: Path, image_id: str, kind: str) -> Path:
    return run_directory / "samples" / f"{image_id}_{kind}.png"


def _thumbnail(path: Path) -> bytes:
    with Image.open(path) as image:
        if max(image.size) <= LONGEST_SIDE:
            return path.read_bytes()
        small = image.convert("RGB")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        stream = BytesIO()
        small.save(stream, "PNG")
        return stream.getvalue()
