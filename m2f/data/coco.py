"""Data sets in COCO's layout: COCO itself, generated scenes, or any other; the classes are those of the file.

A label is the index of a class among the file's categories. Nothing here is larger than the file's own content: images
and masks are read by the pipeline.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from mmdet.datasets import CocoDataset, CocoPanopticDataset

from m2f.data.annotations import class_metainfo, load_annotations
from m2f.errors import InputError
from m2f.registry import DATASETS


@DATASETS.register_module()
class CocoPanopticSegments(CocoPanopticDataset):
    """Images with their panoptic segments.

    Each item enters the pipeline with ``img_path``, ``seg_map_path`` (a panoptic PNG), and the ``segment_ids`` and
    ``segment_labels`` of all segments that are not crowds.

    Raises:
        InputError: the annotation file is missing, cut off, or names a category it does not have.
    """

    METAINFO: dict[str, Any] = {}  # COCO's classes are read from the file, as any other's

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image of the annotation file, in its order."""
        content = load_annotations(self.ann_file)
        self._metainfo.update(class_metainfo(content["categories"]))
        self.cat2label = {category["id"]: label for label, category in enumerate(content["categories"])}
        annotations = {annotation["image_id"]: annotation for annotation in content["annotations"]}
        return [self.parse_data_info({"image": image, "annotations": annotations}) for image in content["images"]]

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """Where an image and its segment map lie, and which segments to learn."""
        image, annotations = raw_data_info["image"], raw_data_info["annotations"]
        if image["id"] not in annotations:
            raise InputError(f"{self.ann_file} has no annotation for image {image['id']}.")
        annotation = annotations[image["id"]]
        segments = [segment for segment in annotation["segments_info"] if not segment.get("iscrowd")]
        return {
            "img_id": image["id"],
            "img_path": str(Path(self.data_prefix["img"], image["file_name"])),
            "seg_map_path": str(Path(self.data_prefix["seg"], annotation["file_name"])),
            "height": image["height"],
            "width": image["width"],
            "segment_ids": [segment["id"] for segment in segments],
            "segment_labels": [self.label(segment["category_id"]) for segment in segments],
        }

    def label(self, category_id: int) -> int:
        """The label of a category."""
        if category_id not in self.cat2label:
            raise InputError(f"{self.ann_file} uses category {category_id}, which is not among its categories.")
        return self.cat2label[category_id]

    def filter_data(self) -> list[dict[str, Any]]:
        """Keep all images: the reference trains panoptic models on those without segments, too."""
        return self.data_list


@DATASETS.register_module()
class CocoInstanceSegments(CocoDataset):
    """Images with their things.

    Raises:
        InputError: the annotation file is missing or cut off.
    """

    METAINFO: dict[str, Any] = {}

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image of the annotation file, in its order."""
        content = load_annotations(self.ann_file)
        things = [category for category in content["categories"] if category.get("isthing", 1)]
        self._metainfo.update(class_metainfo(things))
        self.cat_ids = [category["id"] for category in things]
        self.cat2label = {category_id: label for label, category_id in enumerate(self.cat_ids)}
        self.cat_img_map: dict[int, list[int]] = defaultdict(list)
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
