"""Data sets in COCO's layout: COCO itself, generated scenes, or any other; the classes are those of the file.

A label is the index of a class among the file's categories. Nothing here is larger than the file's own content: images
and masks are read by the pipeline.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from m2f.data.annotations import class_metainfo, load_annotations, require_file_names, require_objects
from m2f.data.classes import check_same_classes, things_of
from m2f.data.layout import Kind
from m2f.openmmlab import CocoDataset, CocoPanopticDataset
from m2f.registry import DATASETS


class ChosenImages(BaseDataset):
    """A data set of all images of its file, or of so many that :func:`first_by_hash` chooses.

    Args:
        args: mmdet's.
        num_images: how many; None for all.
        kwargs: mmdet's.
    """

    def __init__(self, *args: Any, num_images: int | None = None, **kwargs: Any) -> None:
        self.num_images = num_images
        super().__init__(*args, **kwargs)


@DATASETS.register_module()
class CocoPanopticSegments(ChosenImages, CocoPanopticDataset):
    """Images with their panoptic segments.

    Each item enters the pipeline with ``img_path``, ``seg_map_path`` (a panoptic PNG), the ``segment_ids`` and
    ``segment_labels`` of all segments that are not crowds, ``crowd_ids`` and ``crowd_labels``, and ``other_ids`` of
    classes that are not learned.

    Args:
        args: of :class:`ChosenImages`.
        things_only: learn things alone, for instance segmentation; training images without any are left out.
        kwargs: of :class:`ChosenImages`.

    Raises:
        InputError: the annotation file cannot be used, or has other classes than the config says.
    """

    METAINFO: dict[str, Any] = {}  # COCO's classes are read from the file, as any other's

    def __init__(self, *args: Any, things_only: bool = False, **kwargs: Any) -> None:
        self.things_only = things_only
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image of the annotation file, in its order; of chosen ones in the order of the choice."""
        content = checked_content(self, "panoptic")
        categories = things_of(content["categories"]) if self.things_only else content["categories"]
        take_classes(self, categories)
        self.cat2label = {category["id"]: label for label, category in enumerate(categories)}
        annotations = {annotation["image_id"]: annotation for annotation in content["annotations"]}
        return [self.parse_data_info({"image": image, "annotations": annotations}) for image in content["images"]]

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """Where an image and its segment map lie, and which segments to learn."""
        image, annotations = raw_data_info["image"], raw_data_info["annotations"]
        annotation = annotations[image["id"]]
        known = [segment for segment in annotation["segments_info"] if segment["category_id"] in self.cat2label]
        segments = [segment for segment in known if not segment["iscrowd"]]
        crowds = [segment for segment in known if segment["iscrowd"]]
        return {
            "img_id": image["id"],
            "img_path": str(Path(self.data_prefix["img"], image["file_name"])),
            "seg_map_path": str(Path(self.data_prefix["seg"], annotation["file_name"])),
            "height": image["height"],
            "width": image["width"],
            "segment_ids": [segment["id"] for segment in segments],
            "segment_labels": [self.cat2label[segment["category_id"]] for segment in segments],
            "crowd_ids": [segment["id"] for segment in crowds],
            "crowd_labels": [self.cat2label[segment["category_id"]] for segment in crowds],
            "other_ids": [segment["id"] for segment in annotation["segments_info"] if segment not in known],
        }

    def filter_data(self) -> list[dict[str, Any]]:
        """Keep all images, as the reference does; but to learn things alone, only those that have some."""
        if self.test_mode or not self.things_only:
            return self.data_list
        return [info for info in self.data_list if info["segment_ids"]]


@DATASETS.register_module()
class CocoInstanceSegments(ChosenImages, CocoDataset):
    """Images with their things; ``num_images`` as :class:`ChosenImages` has it, before images without things are left.

    Raises:
        InputError: the annotation file cannot be used, or has other classes than the config says.
    """

    METAINFO: dict[str, Any] = {}

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image of the annotation file, in its order; of chosen ones in the order of the choice."""
        content = checked_content(self, "instances")
        things = things_of(content["categories"])
        take_classes(self, things)
        self.cat_ids = [category["id"] for category in things]
        self.cat2label = {category_id: label for label, category_id in enumerate(self.cat_ids)}
        self.cat_img_map: dict[int, list[Any]] = defaultdict(list)
        annotations = defaultdict(list)
        for annotation in content["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
            # mmdet filters by this map; the reference drops images that have nothing but crowds.
            if not annotation.get("iscrowd"):
                self.cat_img_map[annotation["category_id"]].append(annotation["image_id"])
        return [
            self.parse_data_info({"raw_img_info": {**image, "img_id": image["id"]}, "raw_ann_info": found})
            for image in content["images"]
            for found in [annotations[image["id"]]]
        ]


def first_by_hash(images: Iterable[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """So many of an annotation file's images, or all where there are fewer, ordered by the SHA-256 of their ids.

    Which they are, and in which order, depends on the ids alone: not on the order of the file, nor on its kind.
    """
    return sorted(images, key=lambda image: hashlib.sha256(str(image["id"]).encode()).digest())[:number]


def checked_content(dataset: ChosenImages, kind: Kind) -> dict[str, Any]:
    """The content of a data set's annotation file, with files and objects in it and the images that it has chosen.

    Raises:
        InputError: it cannot be used.
    """
    content = load_annotations(dataset.ann_file, kind)
    require_file_names(dataset.ann_file, content)
    require_objects(dataset.ann_file, content)
    if dataset.num_images is None:
        return content
    return {**content, "images": first_by_hash(content["images"], dataset.num_images)}


def take_classes(dataset: BaseDataset, categories: list[dict[str, Any]]) -> None:
    """Give a data set the classes of its annotation file, which are those of the config if that has them.

    Raises:
        InputError: they are others.
    """
    found = class_metainfo(categories)
    named = dataset._metainfo.get("classes")
    if named is not None:
        check_same_classes(
            "the config's metainfo", named, dataset.ann_file, found["classes"], "name them as the file does"
        )
    dataset._metainfo.update(found)
