"""Training and validation images of ADE20K together."""

from pathlib import Path

import numpy as np
from PIL import Image

from m2f.data.ade20k import ADE20KTrainAndValidation


def test_training_and_validation_images_have_their_maps_and_test_images_are_left_out(tmp_path):
    for split, name in (("validation", "ADE_val_1"), ("training", "ADE_train_1"), ("testing", "ADE_test_1")):
        for kind, suffix in (("images", ".jpg"), ("annotations", ".png")):
            path = tmp_path / kind / split / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    prefix = {"img_path": "images/", "seg_map_path": "annotations/"}
    dataset = ADE20KTrainAndValidation(data_root=str(tmp_path), data_prefix=prefix, pipeline=[])
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [Path(info["img_path"]).name for info in infos] == ["ADE_train_1.jpg", "ADE_val_1.jpg"]
    assert [Path(info["seg_map_path"]).relative_to(tmp_path).as_posix() for info in infos] == [
        "annotations/training/ADE_train_1.png",
        "annotations/validation/ADE_val_1.png",
    ]
