"""Ground truth of the metrics: annotation files in COCO layout, checked when a metric is built."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m2f.data.annotations import load_annotations
from m2f.data.classes import things_of
from m2f.data.images import read_segment_ids
from m2f.data.present import first_missing
from m2f.data.segment_areas import check_segments
from m2f.errors import InputError


def load_objects(path: Path) -> dict[str, Any]:
    """Read an instances file, of its categories and objects the things alone, as data sets do: stuff has no objects.

    Raises:
        InputError: the file cannot be used.
    """
    content = load_annotations(path)
    things = things_of(content["categories"])
    ids = {thing["id"] for thing in things}
    objects = [instance for instance in content["annotations"] if instance["category_id"] in ids]
    return {**content, "categories": things, "annotations": objects}


def load_panoptic_annotations(path: Path, directory: Path) -> dict[str, Any]:
    """Read a panoptic annotation file and check that each of its PNGs lies in ``directory``, or below it.

    Raises:
        InputError: the file cannot be used, or the directory or one of its PNGs is missing.
    """
    content = load_annotations(path, "panoptic")
    if not directory.is_dir():
        raise InputError(f"The directory of panoptic PNGs {directory} does not exist; {path} needs it.")
    missing = first_missing(directory / annotation["file_name"] for annotation in content["annotations"])
    if missing:
        raise InputError(f"The panoptic PNG {missing} named in {path} is missing; fetch or generate it again.")
    return content


class PanopticTruth:
    """The segments of annotated images, read one image at a time.

    Args:
        path: panoptic ground truth in COCO layout.
        directory: where its PNGs lie.

    Raises:
        InputError: see :func:`load_panoptic_annotations`.
    """

    def __init__(self, path: Path, directory: Path) -> None:
        self.path = path
        self.directory = directory
        content = load_panoptic_annotations(path, directory)
        self.categories: list[dict[str, Any]] = content["categories"]
        self.labels = {category["id"]: label for label, category in enumerate(self.categories)}
        self.annotations = {annotation["image_id"]: annotation for annotation in content["annotations"]}
        self.images: list[dict[str, Any]] = content["images"]
        self.sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}

    def read(self, image_id: Any) -> tuple[dict[str, Any], NDArray[np.int32]]:
        """An image's annotation and its segment ids ``[H, W]``.

        Raises:
            InputError: the image has none, or its PNG cannot be read, is of another size, or shows other segments.
        """
        check_image_ids(self.path, self.annotations, [image_id])
        annotation = self.annotations[image_id]
        png = self.directory / annotation["file_name"]
        segment_map = read_segment_ids(png, self.sizes[image_id])
        check_segments(png, segment_map, [segment["id"] for segment in annotation["segments_info"]])
        return annotation, segment_map


def check_image_ids(path: Path, known: Iterable[Any], evaluated: Iterable[Any]) -> None:
    """Check that the evaluated images have ground truth.

    Raises:
        InputError: the file knows nothing of one of them.
    """
    unknown = set(evaluated) - set(known)
    if unknown:
        first = min(unknown, key=str)
        raise InputError(f"{path} has no ground truth for image {first}; evaluate on the split it belongs to.")


def check_images(path: Path, images: Iterable[Mapping[str, Any]], evaluated: Iterable[Mapping[str, Any]]) -> None:
    """Check that ground truth has the evaluated images, and means the same files by their ids.

    Args:
        path: of the ground truth.
        images: its.
        evaluated: what a data set knows of each of its images, with ``img_id``, ``img_path``, and ``annotated_name``
            where annotations call a file otherwise than it is called.

    Raises:
        InputError: it lacks one, or means another file.
    """
    known = {image["id"]: image.get("file_name") for image in images}
    for info in evaluated:
        check_image_ids(path, known, [info["img_id"]])
        name = known[info["img_id"]]
        own = Path(info.get("annotated_name", info["img_path"])).as_posix()
        if name is not None and not own.endswith(Path(name).as_posix()):
            raise InputError(
                f"Image {info['img_id']} is {name} in {path}, but {info['img_path']} in the data set; give each image "
                "one id in all annotation files."
            )


def check_class_ids(path: Path, categories: Sequence[dict[str, Any]], ids: Sequence[int]) -> None:
    """Check that a file's categories are those of the data set, in its order, whatever they are called.

    Raises:
        InputError: they are not.
    """
    found = [category["id"] for category in categories]
    if found != list(ids):
        raise InputError(f"{path} has the categories {found}, but the data set {list(ids)}; take files that fit.")


def check_class_names(path: Path, categories: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    """Check that a label, the index of a class in the data set, is also its index among the file's categories.

    Raises:
        InputError: the number of classes or one of their names disagrees.
    """
    if len(categories) != len(names):
        raise InputError(
            f"{path} has {len(categories)} categories, but the data set has {len(names)} classes; list the same."
        )
    for label, (category, name) in enumerate(zip(categories, names, strict=True)):
        if category["name"] != name:
            raise InputError(
                f"Category {label} of {path} is '{category['name']}', but '{name}' in the data set; list the same "
                "classes in the same order."
            )
