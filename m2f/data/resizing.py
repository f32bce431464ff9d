"""Resizing images with label maps and masks that stay where the image's pixels are.

OpenCV's nearest neighbour, which mmcv takes for maps, gives each new pixel the old one at its upper left corner: the
map lies half a new pixel off the bilinear image. Here it is the old pixel under the new one's centre, as PIL's nearest
neighbour has it, with which the reference resizes.
"""

from typing import Any

import numpy as np
from mmdet.structures.mask import BitmapMasks
from numpy.typing import NDArray

from m2f.openmmlab import Resize as MMDetResize
from m2f.openmmlab import ResizeShortestEdge as MMDetResizeShortestEdge
from m2f.registry import TRANSFORMS


def nearest(maps: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """``[..., h, w]`` resized to ``[..., *size]``; each value is that under the new pixel's centre."""
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(size, maps.shape[-2:], strict=True)
    )
    return maps.take(rows, axis=-2).take(columns, axis=-1)


@TRANSFORMS.register_module()
class Resize(MMDetResize):
    """mmdet's, with maps and bitmaps resized by :func:`nearest`."""

    def _resize_seg(self, results: dict[str, Any]) -> None:
        if results.get("gt_seg_map") is not None:
            results["gt_seg_map"] = nearest(results["gt_seg_map"], results["img_shape"])

    def _resize_masks(self, results: dict[str, Any]) -> None:
        if results.get("gt_masks") is not None:
            size = results["img_shape"]
            results["gt_masks"] = BitmapMasks(nearest(results["gt_masks"].masks, size), *size)


@TRANSFORMS.register_module()
class ResizeShortestEdge(MMDetResizeShortestEdge):
    """mmdet's, with maps resized by :func:`nearest`; adds ``resized_to``, the two limits, for multi-scale testing.

    Args:
        scale: the shorter side, in pixels.
        max_size: the most that the longer side may be.
    """

    def __init__(self, scale: int, max_size: int | None = None) -> None:
        super().__init__(scale, max_size, resize_type="m2f.Resize")

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize."""
        return {**super().transform(results), "resized_to": (self.scale, self.max_size)}
