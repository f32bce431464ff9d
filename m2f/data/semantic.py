"""Semantic segmentation of generated scenes, through mmseg's data set class."""

from pathlib import Path
from typing import Any

from m2f.data.images import VOID_LABEL
from m2f.data.scene_classes import CATEGORIES
from m2f.data.transforms import LabelSegments, LoadSemanticMap
from m2f.errors import InputError
from m2f.openmmlab import BaseSegDataset
from m2f.registry import DATASETS


@DATASETS.register_module()
class SceneSemantic(BaseSegDataset):
    """Scenes with their semantic maps: contiguous class ids, 255 for void.

    Raises:
        InputError: a directory is missing.
    """

    METAINFO = {
        "classes": tuple(category["name"] for category in CATEGORIES),
        "palette": [tuple(category["color"]) for category in CATEGORIES],
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(img_suffix=".png", **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image, by name."""
        for directory in self.data_prefix.values():
            if not Path(directory).is_dir():
                raise InputError(f"The directory {directory} does not exist; `m2f data scenes` generates it.")
        return super().load_data_list()


def tell_classes(dataset: Any) -> None:
    """Tell the steps of a built data set's pipeline that read label maps how many classes there are.

    mmseg's data sets say much of an image to their pipelines, but not that.

    Raises:
        InputError: there are more than a map has labels for.
    """
    while hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    for step in getattr(getattr(dataset, "pipeline", None), "transforms", ()):
        if isinstance(step, LoadSemanticMap | LabelSegments) and len(dataset.metainfo["classes"]) > VOID_LABEL:
            raise InputError(
                f"The data set has {len(dataset.metainfo['classes'])} classes, and semantic maps hold {VOID_LABEL} at "
                "most; train it for panoptic segmentation, or merge some."
            )
        if isinstance(step, LoadSemanticMap):
            step.classes = len(dataset.metainfo["classes"])
