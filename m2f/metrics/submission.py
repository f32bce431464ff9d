"""What test servers take: the predictions that :class:`~m2f.metrics.coco_results.CocoResults` wrote, as one zip.

COCO's names are those of its page (https://cocodataset.org/#upload), Cityscapes' of its scripts
(cityscapesscripts/evaluation), ADE20K's of sceneparsing's README.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pycocotools.mask

from m2f.data.images import encode_png

METHOD = "m2f"
COMPRESSION = 6  # of masks' PNGs


def write_submission(server: str, directory: Path, names: Mapping[tuple[Any, str], str]) -> Path:
    """Write the zip of a server beside the predictions.

    Args:
        server: a name of :data:`m2f.data.unannotated.SERVERS`.
        directory: where ``CocoResults`` has written.
        names: what it calls each image's PNGs, by the image's id and path.

    Returns:
        The zip's file.
    """
    stem = STEMS.get(server, server.replace("-", "_"))
    path = directory / f"{stem}.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        WRITERS[server](archive, directory, stem, names)
    return path


def panoptic(archive: ZipFile, directory: Path, stem: str, names: Mapping[tuple[Any, str], str]) -> None:
    """A JSON file, and a folder of its name with the PNGs."""
    archive.write(directory / "panoptic.json", f"{stem}.json")
    for name in names.values():
        archive.write(directory / "panoptic" / name, f"{stem}/{name}", ZIP_STORED)


def coco_instances(archive: ZipFile, directory: Path, stem: str, names: Mapping[tuple[Any, str], str]) -> None:
    """A JSON file of detections."""
    archive.write(directory / "instances.json", f"{stem}.json")


def maps(archive: ZipFile, directory: Path, stem: str, names: Mapping[tuple[Any, str], str]) -> None:
    """A PNG an image, all in one folder."""
    for name in names.values():
        archive.write(directory / "semantic" / name, Path(name).name, ZIP_STORED)


def cityscapes_instances(archive: ZipFile, directory: Path, stem: str, names: Mapping[tuple[Any, str], str]) -> None:
    """A text file an image, which names a PNG for each of its masks, with label and score."""
    without = {image_id for image_id, _ in names}
    for image_id, detections in groupby(read_detections(directory / "instances.json"), lambda each: each["image_id"]):
        lines = []
        for number, detection in enumerate(detections):
            name = f"masks/{image_id}_{number}.png"
            mask = pycocotools.mask.decode(detection["segmentation"])
            archive.writestr(name, encode_png(255 * mask, COMPRESSION), ZIP_STORED)
            lines.append(f"{name} {detection['category_id']} {detection['score']}\n")
        archive.writestr(f"{image_id}.txt", "".join(lines))
        without.remove(image_id)
    for image_id in sorted(without):
        archive.writestr(f"{image_id}.txt", "")


def read_detections(path: Path) -> Iterator[dict[str, Any]]:
    """Detections as ``CocoResults`` has written them, one a line; all images' together would take gigabytes."""
    with path.open() as file:
        for line in file:
            text = line.strip().rstrip(",")
            if text.startswith("{"):
                yield json.loads(text)


STEMS = {
    "coco-panoptic": f"panoptic_test-dev2017_{METHOD}_results",
    "coco-instance": f"detections_test-dev2017_{METHOD}_results",
}
WRITERS: dict[str, Callable[[ZipFile, Path, str, Mapping[tuple[Any, str], str]], None]] = {
    "coco-panoptic": panoptic,
    "coco-instance": coco_instances,
    "ade20k": maps,
    "cityscapes-semantic": maps,
    "cityscapes-instance": cityscapes_instances,
    "cityscapes-panoptic": panoptic,
}
