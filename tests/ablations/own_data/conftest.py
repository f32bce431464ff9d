import shutil

import cv2
import numpy as np
import pytest

from m2f.data.scenes import SceneSpec, ensure_scenes

SPEC = SceneSpec(image_size=64, splits={"train": 10, "val": 3}, seed=0)


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """A stranger's data set in COCO's layout; read-only."""
    root = tmp_path_factory.mktemp("own") / "parts"
    ensure_scenes(SPEC, root, workers=1)
    (root / "manifest.json").unlink()
    return root


@pytest.fixture(scope="session")
def maps(parts, tmp_path_factory):
    """Its images and semantic maps in two folders, with splits in both; read-only."""
    root = tmp_path_factory.mktemp("own") / "fields"
    for split in SPEC.splits:
        shutil.copytree(parts / split, root / "images" / split)
        shutil.copytree(parts / "annotations" / f"semantic_{split}", root / "labels" / split)
    return root


@pytest.fixture
def flat(tmp_path):
    """Two folders without splits, of so many images; ``labels`` gives the values of each map."""

    def make(count=6, labels=(0, 1, 255), names=()):
        root = tmp_path / "flat"
        for folder in ("images", "masks"):
            (root / folder).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(root / "images" / f"{number}.jpg"), np.full((40, 50, 3), number, np.uint8))
            label_map = np.resize(np.array(labels, np.uint8), (40, 50))
            cv2.imwrite(str(root / "masks" / f"{number}.png"), label_map)
        if names:
            (root / "classes.txt").write_text("\n".join(names))
        return root

    return make
