import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from m2f.data.images import encode_png, segment_colours

CATEGORIES = [
    {"id": 3, "name": "person", "isthing": 1},
    {"id": 7, "name": "car", "isthing": 1},
    {"id": 20, "name": "sky", "isthing": 0},
    {"id": 21, "name": "road", "isthing": 0},
]
CLASSES = [category["name"] for category in CATEGORIES]
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


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of real and golden data beside the project."""
    directory = Path(__file__).parents[4] / "shared"
    if not directory.is_dir():
        pytest.skip(f"{directory} with the golden data is missing")
    return directory
