"""Find what is wrong with a data set in COCO's layout, generated or not."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from m2f.data.annotations import load_annotations
from m2f.data.images import read_segment_ids
from m2f.errors import InputError
from m2f.files import load_json

Size = tuple[int, int]  # width, height


def verify(root: str | Path) -> list[str]:
    """The problems found under ``root``, one sentence each; none if all is well.

    Looks for missing, cut off and unreadable files, sizes that disagree, segments of which the annotations or the
    panoptic PNG know nothing, unknown categories and images, and, where there is a manifest, wrong checksums.

    Raises:
        InputError: there is no such directory.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"The data directory {root} does not exist; `m2f data scenes --out DIR` generates one.")
    files = sorted(root.glob("annotations/panoptic_*.json")) + sorted(root.glob("annotations/instances_*.json"))
    if not files:
        return [f"{root / 'annotations'} has neither panoptic_*.json nor instances_*.json."]
    # An image is listed by both of its annotation files: what is wrong with it is said once.
    problems = [*_manifest_problems(root), *(problem for file in files for problem in _split_problems(root, file))]
    return list(dict.fromkeys(problems))


def _manifest_problems(root: Path) -> Iterator[str]:
    path = root / "manifest.json"
    if not path.exists():
        return
    try:
        checksums = load_json(path)["files"]
    except (InputError, KeyError) as error:
        yield f"{path} cannot be used: {error}"
        return
    yield from _map(lambda item: _checksum_problems(root / item[0], item[1]), checksums.items())


def _checksum_problems(path: Path, checksum: str) -> list[str]:
    if not path.exists():
        return [f"{path} is missing."]
    if hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
        return [f"{path} does not have the checksum that the manifest gives it."]
    return []


def _split_problems(root: Path, file: Path) -> Iterator[str]:
    """Problems of one annotation file and of the images and PNGs that it names."""
    kind, split = file.stem.split("_", maxsplit=1)
    try:
        content = load_annotations(file)
    except InputError as error:
        yield str(error)
        return
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    images = [(root / split / image["file_name"], sizes[image["id"]]) for image in content["images"]]
    yield from _map(lambda item: _image_problems(*item), images)
    known = {category["id"] for category in content["categories"]}
    for annotation in content["annotations"]:
        yield from _annotation_problems(file, annotation, known, sizes)
    if kind == "panoptic":
        missing = sizes.keys() - {annotation["image_id"] for annotation in content["annotations"]}
        yield from (f"{file} has no annotation for image {image_id}." for image_id in sorted(missing))
        placed = [annotation for annotation in content["annotations"] if annotation["image_id"] in sizes]
        yield from _map(lambda item: _png_problems(file.with_suffix(""), item, sizes[item["image_id"]]), placed)


def _map(function: Callable[[Any], list[str]], items: Iterable[Any]) -> Iterator[str]:
    """All problems that ``function`` finds; reading and decoding files runs well in threads."""
    with ThreadPoolExecutor() as pool:
        for problems in pool.map(function, items):
            yield from problems


def _image_problems(path: Path, size: Size) -> list[str]:
    """Whether an image is whole and of its size; Pillow, unlike OpenCV, does not fill in what is cut off."""
    if not path.exists():
        return [f"{path} is missing."]
    try:
        with Image.open(path) as image:
            image.load()
            if image.size != size:
                return [f"{path} is {image.size} pixels wide and high, its annotations say {size}."]
    except (OSError, SyntaxError) as error:
        return [f"{path} is not a whole image: {error}."]
    return []


def _annotation_problems(file: Path, annotation: dict[str, Any], known: set[int], sizes: dict[int, Size]) -> list[str]:
    segments = annotation.get("segments_info", [annotation])
    unknown = sorted({segment["category_id"] for segment in segments} - known)
    problems = [f"{file} uses category {category}, which it does not list." for category in unknown]
    if annotation["image_id"] not in sizes:
        problems.append(f"{file} annotates image {annotation['image_id']}, which it does not list.")
    return problems


def _png_problems(directory: Path, annotation: dict[str, Any], size: Size) -> list[str]:
    path = directory / annotation["file_name"]
    if problems := _image_problems(path, size):
        return problems
    found = set(np.unique(read_segment_ids(path)).tolist()) - {0}
    listed = {segment["id"] for segment in annotation["segments_info"]}
    return [
        *(f"{path} has pixels of segment {segment}, which its annotation does not list." for segment in found - listed),
        *(f"{path} has no pixel of segment {segment}, which its annotation lists." for segment in listed - found),
    ]
