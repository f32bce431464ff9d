"""``m2f predict``: one checkpoint, from the command to the files, and what is said when it cannot be."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.own_configs import own_config
from m2f.registry import MODELS

CONFIG = own_config("smoke/instance.py")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A checkpoint of random weights that says nothing of its model, and four scenes."""
    root = tmp_path_factory.mktemp("inputs")
    ensure_scenes(SceneSpec(image_size=64, splits={"val2017": 4}, seed=0), root / "scenes", workers=1)
    init_default_scope("m2f")
    torch.save({"state_dict": MODELS.build(Config.fromfile(CONFIG).model).state_dict()}, root / "weights.pth")
    return root / "weights.pth", root / "scenes" / "val2017"


def test_says_what_it_does_and_where_things_are(call, inputs, tmp_path):
    out = tmp_path / "out"
    result = call("predict", *inputs, "--config", CONFIG, "--out", out, "--batch", "3", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("segmenting 4 images\nsegmented 4 images in 0:00:")
    assert result.stdout == (
        f"4 images segmented: instance, 6 classes.\nPictures are in {out / 'overlays'}, predictions beside them.\n"
    )
    assert len(list((out / "overlays").iterdir())) == 4
    assert {row["image_id"] for row in json.loads((out / "instances.json").read_text())} == {1, 2, 3, 4}


def test_bad_input_is_a_sentence(complain, inputs, tmp_path):
    checkpoint, scenes = inputs
    assert "name its config with --config" in complain("predict", checkpoint, scenes)
    config = ("--config", CONFIG)
    (tmp_path / "out").mkdir()
    assert "is not written over" in complain("predict", checkpoint, scenes, *config, "--out", tmp_path / "out")
