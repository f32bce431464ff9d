from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from m2f.checkpoints.architecture import BACKBONES, recognise
from m2f.checkpoints.loading import check_complete
from m2f.errors import InputError


@pytest.mark.parametrize("name", [backbone.name for backbone in BACKBONES])
def test_the_papers_models_are_recognised(name, architecture, shapes_only):
    for classes, queries in ((133, 100), (80, 200), (150, 100)):
        model = architecture(name, classes, queries)
        assert recognise(shapes_only(model)) == model


def test_other_numbers_of_layers_are_recognised(architecture, shapes_only):
    model = architecture("R50", 19, 50, (3, 6))
    assert recognise(shapes_only(model)) == model


def test_backbones_are_those_of_the_papers_configs():
    settings = Config.fromfile(Path(__file__).parents[3] / "configs" / "paper" / "panoptic.py").settings.backbones
    for backbone in BACKBONES[1:]:
        theirs = settings[backbone.name if backbone.name != "Swin-L" else "Swin-L-22k"]
        assert theirs.in_channels == backbone.channels
        assert {key: theirs.backbone[key] for key in backbone.config} == backbone.config


@pytest.mark.parametrize(
    "gone", ["backbone.stages.2.blocks.5.", "transformer_decoder.queries.features", "pixel_decoder."]
)
def test_with_parts_missing_the_nearest_is_recognised(gone, architecture, shapes_only):
    model = architecture("Swin-T")
    state = {name: tensor for name, tensor in shapes_only(model).items() if not name.startswith(gone)}
    assert recognise(state).backbone == model.backbone
    if gone != "pixel_decoder.":
        with pytest.raises(InputError, match=f"missing {gone}"):
            check_complete(state, recognise(state).shapes(), "x")


def test_the_width_tells_swins_of_the_same_depth_apart(architecture, shapes_only):
    state = shapes_only(architecture("Swin-B"))
    state["backbone.patch_embed.projection.weight"] = torch.empty(140, 3, 4, 4, device="meta")
    assert recognise(state).backbone.name == "Swin-B"


def test_tensors_that_tell_nothing():
    model = recognise(
        {"backbone.conv1.weight": torch.zeros(()), "transformer_decoder.classifier.bias": torch.zeros(())}
    )
    assert (model.backbone.name, model.classes, model.queries, model.decoder_layers) == ("R50", 133, 100, 0)
