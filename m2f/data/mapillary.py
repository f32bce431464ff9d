"""Mapillary Vistas v1.2, semantic, through mmseg's data set class."""

from typing import Any

from m2f.openmmlab import MapillaryDataset_v1
from m2f.registry import DATASETS

EVALUATED = MapillaryDataset_v1.METAINFO["classes"][:-1]  # the last, Unlabeled, is void


@DATASETS.register_module()
class MapillarySemantic(MapillaryDataset_v1):
    """Images with their maps of labels, whose Unlabeled becomes 255; mmseg's own takes it for a class."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metainfo={"classes": EVALUATED}, **kwargs)
