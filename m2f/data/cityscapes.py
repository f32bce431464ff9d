"""Cityscapes' segments, from the panoptic files that cityscapesScripts makes.

Those list images under names that no file has; the files lie in a directory for each city. Their segments are those of
``instanceIds``, which detectron2 trains from ``polygons.json``: masks differ by pixels of the border.
"""

from pathlib import Path
from typing import Any

from m2f.data.coco import CocoPanopticSegments
from m2f.registry import DATASETS


def image_path(directory: str | Path, frame: str) -> Path:
    """The image of a frame, ``<city>_<sequence>_<frame>``, below ``leftImg8bit/<split>``."""
    return Path(directory, frame.rsplit("_", maxsplit=2)[0], f"{frame}_leftImg8bit.png")


@DATASETS.register_module()
class CityscapesSegments(CocoPanopticSegments):
    """Images of all cities with their segments; ``data_prefix.img`` is ``leftImg8bit/<split>/``."""

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """Where an image and its segment map lie, which segments to learn, and how annotations call the image."""
        info = super().parse_data_info(raw_data_info)
        path = image_path(self.data_prefix["img"], str(info["img_id"]))
        return {**info, "img_path": str(path), "annotated_name": raw_data_info["image"]["file_name"]}
