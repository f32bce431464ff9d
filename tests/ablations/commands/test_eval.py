"""``m2f eval``: one real evaluation, and what is said when it ends otherwise."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.engine import coco_evaluation
from m2f.errors import InputError
from m2f.registry import MODELS

CONFIG = Path(__file__).parents[3] / "configs" / "smoke" / "instance.py"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A checkpoint of random weights and four scenes."""
    root = tmp_path_factory.mktemp("inputs")
    ensure_scenes(SceneSpec(image_size=64, splits={"train2017": 1, "val2017": 4}, seed=0), root / "scenes")
    init_default_scope("m2f")
    torch.save({"state_dict": MODELS.build(Config.fromfile(CONFIG).model).state_dict()}, root / "weights.pth")
    return [CONFIG, root / "weights.pth", "--data", root / "scenes"]


@pytest.fixture
def evaluate(call):
    return lambda *arguments: call("eval", *arguments)


def test_shows_progress_classes_and_metrics(evaluate, inputs, tmp_path):
    result = evaluate(*inputs, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("evaluating 4 images\nevaluated 4 images in 0:00:")
    assert result.stdout.index("triangle") < result.stdout.index("AP50 ") < result.stdout.index(", val2017, in ")
    assert result.stdout.endswith(f"Metrics, classes and predictions are in {tmp_path / 'out'}.\n")
    assert (tmp_path / "out" / "instances.json").is_file()


def test_as_json(evaluate, inputs, tmp_path):
    result = evaluate(*inputs, "--out", tmp_path / "out", "--split", "train2017", "--json")
    content = json.loads(result.stdout)
    classes = content.pop("classes")
    assert content == json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert content["images"] == 1
    assert [row["class"] for row in classes] == ["disk", "square", "triangle", "ring", "cross", "bar"]


def test_values_of_the_config_are_replaced(evaluate, inputs, tmp_path):
    _, _, *data = inputs
    init_default_scope("m2f")
    wide = Config.fromfile(CONFIG)
    wide.model.backbone = wide.settings.backbones.large.backbone
    wide.model.pixel_decoder.in_channels = wide.settings.backbones.large.in_channels
    torch.save({"state_dict": MODELS.build(wide.model).state_dict()}, tmp_path / "wide.pth")
    backbone = ["model.backbone=settings.backbones.large.backbone"]
    backbone += ["model.pixel_decoder.in_channels=settings.backbones.large.in_channels"]
    overrides = [word for override in backbone for word in ("--override", override)]
    refused = evaluate(CONFIG, tmp_path / "wide.pth", *data, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    result = evaluate(CONFIG, tmp_path / "wide.pth", *data, "--out", tmp_path / "out", *overrides)
    assert result.exit_code == 0, result.stderr


def test_classes_of_other_names(evaluate, inputs, tmp_path):
    """A model that says what its classes are called is evaluated on others only if asked."""
    config, weights, *data = inputs
    names = ("disc", "square", "triangle", "ring", "cross", "bar")
    content = {**torch.load(weights), "meta": {"dataset_meta": {"classes": names}}}
    torch.save(content, tmp_path / "named.pth")
    refused = evaluate(config, tmp_path / "named.pth", *data, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert refused.stderr.startswith(
        f"Error: Class 0 is 'disc' in {tmp_path / 'named.pth'}, but 'disk' in the data set;"
    )
    assert not (tmp_path / "out").exists()
    taken = evaluate(config, tmp_path / "named.pth", *data, "--out", tmp_path / "out", "--classes-from", "data")
    assert taken.exit_code == 0, taken.output


def test_bad_input_is_one_sentence(evaluate, inputs, tmp_path):
    (tmp_path / "out").mkdir()
    result = evaluate(*inputs, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {tmp_path / 'out'} exists and is not written over")
    assert result.stderr.count("\n") == 1


def test_bad_input_from_a_data_loaders_process_is_one_sentence(evaluate, inputs, tmp_path, monkeypatch):
    def fail(*arguments):
        raise InputError("Caught InputError in DataLoader worker process 0.\nm2f.errors.InputError: x.png is no image.")

    monkeypatch.setattr(coco_evaluation, "evaluate_on", fail)
    assert evaluate(*inputs, "--out", tmp_path / "out").stderr == "Error: x.png is no image.\n"


def test_interrupted(evaluate, inputs, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(coco_evaluation, "evaluate_on", interrupt)
    result = evaluate(*inputs, "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (130, "Stopped. Nothing is kept.\n")
