import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask
import pytest

from m2f.data.images import encode_png, segment_colours

CATEGORIES = [
    {"id": 3, "name": "person", "isthing": 1},
    {"id": 7, "name": "car", "isthing": 1},
    {"id": 20, "name": "sky", "isthing": 0},
    {"id": 21, "name": "road", "isthing": 0},
]
CLASSES = [category["name"] for category in CATEGORIES]
INSTANCE_CATEGORY_IDS = [3, 7, 9]
INSTANCE_IMAGE_SIZE = 128
DATASET_META = {"classes": CLASSES, "thing_classes": CLASSES[:2]}


@pytest.fixture
def dataset_meta() -> dict[str, list[str]]:
    return DATASET_META


def write_panoptic_truth(root: Path, images: list[tuple[np.ndarray, list[dict[str, Any]]]]) -> dict[str, str]:
    """Write ``(segment ids [H, W], segments)`` of images 1, 2, ... in COCO layout; returns a metric's arguments."""
    directory = root / "panoptic"
    directory.mkdir()
    content: dict[str, Any] = {"categories": CATEGORIES, "images": [], "annotations": []}
    for image_id, (segment_ids, segments) in enumerate(images, start=1):
        height, width = segment_ids.shape
        file_name = f"{image_id:012d}.png"
        (directory / file_name).write_bytes(encode_png(segment_colours(segment_ids), compression=1))
        content["images"].append({"id": image_id, "file_name": file_name, "height": height, "width": width})
        segments_info = [
            {"iscrowd": 0, "area": int((segment_ids == segment["id"]).sum()), **segment} for segment in segments
        ]
        content["annotations"].append({"image_id": image_id, "file_name": file_name, "segments_info": segments_info})
    path = root / "panoptic.json"
    path.write_text(json.dumps(content))
    return {"panoptic_json": str(path), "panoptic_directory": str(directory)}


@pytest.fixture(scope="session")
def panoptic_truth() -> Callable[..., dict[str, str]]:
    return write_panoptic_truth


def write_instance_truth(root: Path, images: list[list[tuple[np.ndarray, int, int]]]) -> str:
    """Write ``(mask [H, W], label, iscrowd)`` of the objects of images 1, 2, ...; returns the file."""
    annotations: list[dict[str, Any]] = []
    for image_id, objects in enumerate(images, start=1):
        for mask, label, crowd in objects:
            code = pycocotools.mask.encode(np.asfortranarray(mask.astype(np.uint8)))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": INSTANCE_CATEGORY_IDS[label],
                    "iscrowd": crowd,
                    "area": int(mask.sum()),
                    "bbox": pycocotools.mask.toBbox(code).tolist(),
                    "segmentation": {"size": code["size"], "counts": code["counts"].decode()},
                }
            )
    content = {
        "images": [
            {"id": i, "height": INSTANCE_IMAGE_SIZE, "width": INSTANCE_IMAGE_SIZE} for i in range(1, len(images) + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": category, "name": f"class {category}"} for category in INSTANCE_CATEGORY_IDS],
    }
    path = root / "instances.json"
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture(scope="session")
def instance_truth() -> Callable[..., str]:
    return write_instance_truth


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of real and golden data beside the project."""
    directory = Path(__file__).parents[4] / "shared"
    if not directory.is_dir():
        pytest.skip(f"{directory} with the golden data is missing")
    return directory
