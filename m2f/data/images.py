"""Reading image files, with one clear sentence when a file cannot be used, and the code of panoptic PNGs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from m2f.data.segment_png import decode_segment_ids
from m2f.errors import InputError


def image_id(info: Mapping[str, Any]) -> Any:
    """The id of an image by what its data set knows of it: the annotations' own, or the file's name without suffix."""
    return info["img_id"] if "img_id" in info else Path(info["img_path"]).stem


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Read an image as BGR [H, W, 3].

    Raises:
        InputError: the file is missing or not an image.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        trouble = "is not a readable image" if Path(path).exists() else "does not exist"
        raise InputError(f"{path} {trouble}; fetch or generate it again.")
    return image  # type: ignore[return-value]


def read_segment_ids(path: str | Path) -> NDArray[np.int32]:
    """Read a panoptic PNG as segment ids [H, W]: R + 256 G + 65536 B; 0 is void.

    Raises:
        InputError: the file is missing or not an image.
    """
    path = Path(path)
    segment_ids = decode_segment_ids(path.read_bytes()) if path.is_file() else None
    if segment_ids is not None:
        return segment_ids
    blue, green, red = (channel.astype(np.int32) for channel in cv2.split(read_image(path)))
    return red + (green << 8) + (blue << 16)


def segment_colours(segment_ids: NDArray[np.int32]) -> NDArray[np.uint8]:
    """RGB [H, W, 3] of a panoptic PNG with these segment ids [H, W]."""
    return np.stack([segment_ids >> shift & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)


def encode_png(pixels: NDArray[np.uint8], compression: int) -> bytes:
    """Encode RGB [H, W, 3] or grey [H, W] as PNG; ``compression`` from 0 (none) to 9."""
    ordered = pixels[:, :, ::-1] if pixels.ndim == 3 else pixels
    encoded = cv2.imencode(".png", np.ascontiguousarray(ordered), [cv2.IMWRITE_PNG_COMPRESSION, compression])[1]
    return encoded.tobytes()
