"""What annotation files say of a mask."""

from typing import Any

import numpy as np
import pycocotools.mask
from numpy.typing import NDArray


def box_and_area(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's ``bbox`` (x, y, width, height) and ``area`` of a mask [H, W] that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    box = [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
    return {"bbox": box, "area": int(mask.sum())}


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """The compressed run lengths of a mask [H, W], as JSON can hold them."""
    code = pycocotools.mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(code["size"]), "counts": code["counts"].decode("ascii")}
