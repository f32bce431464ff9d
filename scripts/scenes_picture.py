"""A contact sheet of generated scenes with their ground truth: ``python scripts/scenes_picture.py FILE.png``."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from m2f.data.colours import panoptic_picture
from m2f.data.scene_classes import CATEGORIES
from m2f.data.scene_painting import Scene, paint

ROWS, COLUMNS = 2, 4  # of pairs
SIZE = 128  # pixels
GAP = 4


def contact_sheet() -> NDArray[np.uint8]:
    """RGB picture of the first training scenes, the panoptic truth of each to its right."""
    pairs = [_pair(paint(0, "train2017", index, SIZE)) for index in range(ROWS * COLUMNS)]
    return np.concatenate([np.concatenate(pairs[row * COLUMNS : (row + 1) * COLUMNS], axis=1) for row in range(ROWS)])


def _pair(scene: Scene) -> NDArray[np.uint8]:
    labels = {category["id"]: label for label, category in enumerate(CATEGORIES)}
    segments = [{"id": segment["id"], "label": labels[segment["category_id"]]} for segment in scene.segments]
    truth = panoptic_picture(scene.segment_map, segments, [tuple(category["color"]) for category in CATEGORIES])
    pair = np.concatenate([scene.image, truth], axis=1)
    return np.pad(pair, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def write_contact_sheet(path: Path) -> None:
    """Write the contact sheet as a PNG of 256 colours, small enough to be kept with the documentation."""
    Image.fromarray(contact_sheet()).quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    write_contact_sheet(Path(sys.argv[1]))
