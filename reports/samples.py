"""Sample predictions: the same images for every design, ready to be laid out in a grid."""

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from ablations.store.run_record import RunRecord

IMAGES = 3  # of every design and task; fifteen tables of them must stay one page that opens quickly
LONGEST_SIDE = 256  # pixels; enough for a grid cell, and keeps the page small at the paper's image sizes
QUALITY = 85  # of a photograph that was made smaller, in JPEG's percent


def gallery(runs: Mapping[str, RunRecord]) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Images that every design has a sample of, as rows of a grid, and the files they show.

    `runs` maps a design's name to its run. A row is `{id, image, truth, predictions}`,
    whose values name files (`predictions` in the designs' order). A file is named by its content: the image that all
    designs saw, and a run that several tables show, are one file each.
    """
    designs = list(runs.values())
    rows: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for image_id in _evenly(_common_images(designs)):
        pictures = [
            stored_picture(designs[0], image_id, "image"),
            stored_picture(designs[0], image_id, "truth"),
            *(stored_picture(run, image_id, "prediction") for run in designs),
        ]
        files |= dict(pictures)
        names = [name for name, _ in pictures]
        rows.append({"id": image_id, "image": names[0], "truth": names[1], "predictions": names[2:]})
    return rows, files


def _common_images(runs: Sequence[RunRecord]) -> list[str]:
    """Ids of the images that every run drew, in their order."""
    return [image for image in runs[0].samples if all(image in run.samples for run in runs)] if runs else []


def _evenly(image_ids: list[str]) -> list[str]:
    """At most IMAGES of them, spread evenly from the first to the last."""
    if len(image_ids) <= IMAGES:
        return image_ids
    return [image_ids[number * (len(image_ids) - 1) // (IMAGES - 1)] for number in range(IMAGES)]


def stored_picture(run: RunRecord, image_id: str, kind: str) -> tuple[str, bytes]:
    """A picture that a run drew: its file in the report, named by its content, and that content."""
    suffix, data = _thumbnail(run.samples[image_id][kind])
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
