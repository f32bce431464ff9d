"""Find what is wrong with a data set: in COCO's layout, generated or not, or in one that ``m2f.data.places`` knows."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from m2f.data.annotations import can_name_a_file, examine, require_file_names, require_objects
from m2f.data.class_file import CLASS_FILE
from m2f.data.classes import things_of
from m2f.data.headers import UPRIGHT, orientation
from m2f.data.images import Size, check_labels, read_image, read_labels, read_segment_ids
from m2f.data.layout import Id, Kind, short
from m2f.data.places import AnnotationFile, SemanticMaps, annotation_files, semantic_maps
from m2f.data.segment_areas import segment_areas, segment_problems
from m2f.data.segmentations import pixel_area
from m2f.errors import InputError
from m2f.files import load_json

Told = tuple[list[str], list[str]]
"""Problems and notes."""

Progress = Callable[[str, int, int], None]
"""Is told what is looked at, how many are done, and how many there are in all."""

SAME_AREA = 1.5  # factor by which an object's stated area, a polygon's, may differ from its pixels
FEW_PIXELS = 32  # by which it may always


def verify(
    root: str | Path, note: Callable[[str], None] = lambda sentence: None, progress: Progress = lambda *place: None
) -> list[str]:
    """The problems found under ``root``, one sentence each; none if all is well.

    Looks for missing, cut off and unreadable files, what :func:`m2f.data.annotations.examine` finds, sizes that
    disagree, segments of which the annotations or the panoptic PNG know nothing, labels of no class, other classes in
    another file, and, where there is a manifest, wrong checksums.

    Args:
        root: the data set's directory.
        note: is told what is no problem but good to know: what is made up for, and how images are read.
        progress: is told how far each part has come.

    Raises:
        InputError: there is no such directory.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"The data directory {root} does not exist; `m2f data scenes --out DIR` generates one.")
    files, maps = annotation_files(root), semantic_maps(root)
    if not files and not maps:
        directory = root / "annotations"
        return [
            f"{directory} has neither panoptic_*.json nor instances_*.json; name a directory in COCO's layout, or of "
            "ADE20K, Cityscapes or Mapillary Vistas."
        ]
    inspection = Inspection(root, progress)
    inspection.look_at_manifest()
    for own in maps:
        inspection.look_at_maps(own)
    for file in files:
        inspection.look_at_split(file)
    for sentence in dict.fromkeys(inspection.notes):
        note(sentence)
    # An image is listed by both of its annotation files: what is wrong with it is said once.
    return list(dict.fromkeys(inspection.problems))


class Inspection:
    """What has been found so far.

    Args:
        root: the data set's directory.
        progress: see :func:`verify`.
    """

    def __init__(self, root: Path, progress: Progress) -> None:
        self.root = root
        self.progress = progress
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.classes: dict[str, tuple[Path, list[str]]] = {}  # by kind of file, those of the first
        self.seen: set[tuple[Path, Size]] = set()  # images
        self.listed: dict[str, tuple[Path, set[Id]]] = {}  # by split, the ids of the images of its first file

    def look_at_manifest(self) -> None:
        """Compare checksums, where there are any."""
        path = self.root / "manifest.json"
        if not path.exists():
            return
        try:
            checksums = load_json(path)["files"]
            items = [(self.root / name, str(checksum)) for name, checksum in checksums.items()]
        except (InputError, KeyError, TypeError, AttributeError) as error:
            self.problems.append(f"{path} cannot be used: {error}; remove it, or generate the scenes again.")
            return
        self.look_at("checksums", checksum_problems, items)

    def look_at_maps(self, maps: SemanticMaps) -> None:
        """Look at the images and the semantic maps of a split."""
        items = [(image, path, maps) for image, path in maps.pairs()]
        self.look_at(f"maps of {maps.split}", look_at_labelled_image, items)

    def look_at_split(self, place: AnnotationFile) -> None:
        """Look at one annotation file and at the images and PNGs that it names."""
        file, kind, split = place.path, place.kind, place.split
        try:
            examined = examine(file, kind)
        except InputError as error:
            self.problems.append(str(error))
            return
        content = examined.content
        self.problems += examined.problems
        self.notes += examined.repairs
        self.look_at_images(
            split,
            {place.image(image): image for image in content["images"] if can_name_a_file(image.get("file_name", ""))},
        )
        if examined.problems:
            return
        for require in (require_file_names, require_objects):
            try:
                require(file, content)
            except InputError as error:
                self.problems.append(str(error))
        self.compare_classes(file, kind, place.key, content["categories"])
        if place.key == "name":  # elsewhere files name images otherwise, too
            self.compare_images(file, split, {image["id"] for image in content["images"]})
        sizes: dict[Any, Size] = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
        if kind == "panoptic":
            pngs = [(place.pngs, entry, sizes[entry["image_id"]]) for entry in content["annotations"]]
            self.look_at(f"PNGs of {file.stem}", look_at_png, pngs)
            self.look_at_labels(split, content)
        else:
            objects = [(file, instance, sizes[instance["image_id"]]) for instance in content["annotations"]]
            self.look_at(f"objects of {file.stem}", look_at_object, objects)

    def look_at_images(self, split: str, images: dict[Path, dict[str, Any]]) -> None:
        """Look at the images of a split that no other file had."""
        items = {(path, (image["height"], image["width"])) for path, image in images.items()}
        self.look_at(f"images of {split}", look_at_image, sorted(items - self.seen))
        self.seen |= items

    def compare_classes(self, file: Path, kind: Kind, key: str, categories: list[dict[str, Any]]) -> None:
        """Say which class differs from those of the other splits' files, or which thing from those of all files.

        Objects are evaluated by the things among their file's categories, whatever stuff it lists besides.
        """
        lists = {"instances": [category[key] for category in things_of(categories)]}
        if kind == "panoptic":
            lists["panoptic"] = [category[key] for category in categories]
        for each, names in lists.items():
            first, others = self.classes.setdefault(each, (file, names))
            if names != others:
                place = next((i for i, pair in enumerate(zip(names, others, strict=False)) if len(set(pair)) > 1), None)
                what = f"{len(names)} classes and {len(others)}" if place is None else ""
                what = what or f"class {place} '{names[place or 0]}' and '{others[place or 0]}'"
                self.problems.append(f"{file} and {first} have other classes, {what}; list the same in the same order.")

    def compare_images(self, file: Path, split: str, ids: set[Id]) -> None:
        """Say which image one of a split's two files lists and the other does not: no evaluation takes that."""
        first, others = self.listed.setdefault(split, (file, ids))
        for lacking, having, missing in ((file, first, others - ids), (first, file, ids - others)):
            if missing:
                example = short(min(missing, key=str))
                more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
                self.problems.append(
                    f"{lacking} does not list image {example}{more}, which {having} does; "
                    "list the same in both, with no annotation where there is none."
                )

    def look_at_labels(self, split: str, content: dict[str, Any]) -> None:
        """Look at the semantic maps of scenes, which lie beside the panoptic PNGs."""
        directory = self.root / "annotations" / f"semantic_{split}"
        if directory.is_dir():
            maps = {
                directory / image.get("file_name", ""): (image["height"], image["width"]) for image in content["images"]
            }
            classes = len(content["categories"])
            self.look_at(
                f"maps of {split}", look_at_map, [(*item, classes) for item in maps.items() if item[0].is_file()]
            )

    def look_at(self, what: str, function: Callable[..., Told], items: list[tuple[Any, ...]]) -> None:
        """Add all that ``function`` finds; reading and decoding files runs well in threads."""
        for done, (problems, notes) in enumerate(in_threads(function, items), start=1):
            self.problems += problems
            self.notes += notes
            self.progress(what, done, len(items))


def in_threads(function: Callable[..., Told], items: Iterable[tuple[Any, ...]]) -> Iterator[Told]:
    """What a function finds in each item, in their order; few are under way at once, so that memory stays small."""
    workers = cpu_count() or 1
    rest = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(function, *item) for item in islice(rest, 16 * workers)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(function, *item) for item in islice(rest, 1)]


def checksum_problems(path: Path, checksum: str) -> Told:
    """Whether a file is what the manifest says."""
    if not path.exists():
        return [f"{path} is missing."], []
    if hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
        return [f"{path} does not have the checksum that the manifest gives it."], []
    return [], []


def look_at_image(path: Path, size: Size) -> Told:
    """Whether an image is whole and of its size, read as training reads it."""
    if not path.exists():
        return [f"{path} is missing."], []
    try:
        read_image(path, size)
    except InputError as error:
        return [str(error)], []
    return [], notes_of_turning(path)


def notes_of_turning(path: Path) -> list[str]:
    """What is good to know of an image or a map that EXIF says is to be turned."""
    if orientation(path.read_bytes()) == UPRIGHT:
        return []
    return [f"{path} says in EXIF that it is to be turned; its pixels are taken as they are stored, unturned."]


def look_at_png(directory: Path, annotation: dict[str, Any], size: Size) -> Told:
    """Whether a panoptic PNG shows the segments of its annotation."""
    path = directory / annotation["file_name"]
    if not path.exists():
        return [f"{path} is missing."], []
    try:
        segment_map = read_segment_ids(path, size)
    except InputError as error:
        return [str(error)], []
    segments = annotation["segments_info"]
    ids = [segment["id"] for segment in segments]
    problems = segment_problems(path, segment_map, ids)
    areas = segment_areas(segment_map, ids)[:-1].tolist()
    notes = [
        f"{path} has {area} pixels of segment {segment['id']}, its annotation says {segment['area']!r}; pixels count."
        for segment, area in zip(segments, areas, strict=True)
        if "area" in segment and segment["area"] != area
    ]
    return problems, [] if problems else notes + notes_of_turning(path)


def look_at_map(path: Path, size: Size, classes: int) -> Told:
    """Whether a semantic map is whole, of its size, and has labels of classes or void."""
    try:
        check_labels(path, read_labels(path, size), classes)
    except InputError as error:
        return [str(error)], []
    return [], notes_of_turning(path)


def look_at_labelled_image(image: Path, path: Path, maps: SemanticMaps) -> Told:
    """Whether an image is whole, and its semantic map is, of its size, and with labels of classes or void."""
    for file in (image, path):
        if not file.exists():
            return [f"{file} is missing."], []
    try:
        height, width = read_image(image).shape[:2]
        found = read_labels(path, (height, width))
    except InputError as error:
        return [str(error)], []
    problems = [
        f"{path} has label {label}, which no class of {maps.known_as} has; fetch or make it again, or, if the classes "
        f"are your own, name them in a file {CLASS_FILE} of the data set."
        for label in np.unique(found).tolist()
        if label not in maps.labels
    ]
    return problems, notes_of_turning(image) + notes_of_turning(path)


def look_at_object(file: Path, instance: dict[str, Any], size: Size) -> Told:
    """Whether an object has pixels, and about as many as its area says."""
    pixels = pixel_area(instance["segmentation"], size)
    what = f"{file}: annotation {instance['id']} of image {instance['image_id']}"
    if pixels == 0:
        return [], [f"{what} covers the middle of no pixel; it is not learned, and cannot be found."]
    area = instance["area"]
    if abs(area - pixels) > FEW_PIXELS and max(area, pixels) > SAME_AREA * min(area, pixels):
        return [], [f"{what} has {pixels} pixels, its area says {area}; AP_s, AP_m and AP_l go by the area."]
    return [], []
