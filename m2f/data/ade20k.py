"""ADE20K's training and validation images as one, on which models for its test server are trained (Table VI)."""

from pathlib import Path
from typing import Any

from m2f.openmmlab import ADE20KDataset
from m2f.registry import DATASETS

SPLITS = ("training", "validation")


@DATASETS.register_module()
class ADE20KTrainAndValidation(ADE20KDataset):
    """Images with their semantic maps; ``data_prefix`` is ``images/`` and ``annotations/``.

    Test images, which have no maps, may lie beside them.
    """

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image, the training images first."""
        return [info for info in super().load_data_list() if Path(info["img_path"]).parent.name in SPLITS]
