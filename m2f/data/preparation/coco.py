"""COCO: semantic maps of all its classes, from the panoptic PNGs.

As prepare_coco_semantic_annos_from_panoptic_annos.py of the official code makes them. m2f itself reads the panoptic
PNGs; the maps are for others' programs.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from m2f.data.annotations import load_annotations
from m2f.data.images import VOID_LABEL, encode_png, read_segment_ids
from m2f.data.preparation.part import Image, Part, Record
from m2f.files import write_atomically

SPLITS = ("val2017", "train2017")
COMPRESSION = 1


def parts(root: Path) -> Iterator[Part]:
    """What is to be made: ``panoptic_semseg_<split>``."""
    for split in SPLITS:
        file = root / "annotations" / f"panoptic_{split}.json"
        if not file.is_file():
            continue
        content = load_annotations(file, "panoptic")
        labels = {category["id"]: label for label, category in enumerate(content["categories"])}
        directory = root / f"panoptic_semseg_{split}"
        yield Part(
            name=f"semantic maps of {split}",
            images=[
                Image(
                    id=annotation["file_name"],
                    sources={"map": file.with_suffix("") / annotation["file_name"]},
                    target=directory / annotation["file_name"],
                    facts={segment["id"]: labels[segment["category_id"]] for segment in annotation["segments_info"]},
                )
                for annotation in content["annotations"]
            ],
            make=label_segments,
            records=root / f".semantic_{split}.lines",
        )


def label_segments(image: Image) -> Record:
    """Write an image's map of labels, crowds with their class, 255 for void; its facts are labels by segment."""
    ids = read_segment_ids(image.sources["map"])
    found, places = np.unique(ids, return_inverse=True)
    labels = np.array([image.facts.get(segment, VOID_LABEL) for segment in found.tolist()], np.uint8)
    assert image.target is not None
    write_atomically(image.target, encode_png(labels[places.reshape(ids.shape)], COMPRESSION), lasting=False)
    return {}
