"""Models as programs of their own, run without m2f, beside the models."""

import json
import sys
from importlib.util import find_spec

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

import m2f
from m2f.config_files import read_config
from m2f.engine.exported import LogitsOfPictures, export, traced
from m2f.errors import InputError
from m2f.registry import MODELS

SIZE = (64, 96)
PIXEL_DECODERS = {
    "MSDeformAttn": {},  # as the config has it
    "FPN": {
        "_delete_": True,
        "type": "m2f.FPN",
        "in_channels": [16, 32, 64, 128],
        "embed_dims": 64,
        "norm_groups": 8,
    },
}
WITH_ONNX = find_spec("onnxruntime") and find_spec("onnxscript")


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """A small panoptic model of random weights with a pixel decoder."""

    def made(pixel_decoder):
        place = tmp_path_factory.mktemp("model")
        config = place / "panoptic.py"
        config.write_text(
            f'_base_ = "m2f::smoke/panoptic.py"\nmodel = {{"pixel_decoder": {PIXEL_DECODERS[pixel_decoder]}}}\n'
        )
        init_default_scope("m2f")
        torch.manual_seed(0)
        model = MODELS.build(read_config(config).model)
        torch.save({"state_dict": model.state_dict()}, place / "model.pth")
        return m2f.load(place / "model.pth", device="cpu", config=config)

    return made


@pytest.fixture(scope="module")
def segmenter(make):
    return make("MSDeformAttn")


def test_a_program_of_torch_needs_no_m2f(segmenter, tmp_path):
    out = tmp_path / "model.pt2"
    assert export(segmenter, out, SIZE) < 1e-3
    files = {"m2f.json": ""}
    program = torch.export.load(out, extra_files=files)
    assert not [node.name for node in program.graph.nodes if str(node.target).startswith("m2f.")]
    assert json.loads(files["m2f.json"])["classes"] == list(segmenter.classes)
    picture = torch.rand(1, 3, *SIZE) * 255
    wanted = LogitsOfPictures(segmenter.model)(picture)
    classes, masks = program.module()(picture)
    assert masks.shape == (1, 30, SIZE[0] // 4, SIZE[1] // 4)
    torch.testing.assert_close(classes, wanted[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(masks, wanted[1], rtol=1e-3, atol=1e-3)


def test_its_pictures_are_normalised_as_the_models_are(segmenter):
    """RGB pictures, of which the model's own preprocessor takes BGR."""
    picture = (torch.rand(3, *SIZE) * 255).round()
    prepared = segmenter.model.data_preprocessor({"inputs": [picture.flip(0).byte()]})["inputs"]
    wanted = segmenter.model(prepared).class_logits[-1]
    torch.testing.assert_close(LogitsOfPictures(segmenter.model)(picture[None])[0], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not WITH_ONNX, reason="m2f[export] is not installed")
@pytest.mark.parametrize("pixel_decoder", ["MSDeformAttn", "FPN"])
def test_onnxruntime_computes_the_same(make, pixel_decoder, tmp_path):
    import onnxruntime

    out = tmp_path / "model.onnx"
    own = make(pixel_decoder)
    assert export(own, out, SIZE) < 1e-3
    session = onnxruntime.InferenceSession(out)
    assert json.loads(session.get_modelmeta().custom_metadata_map["m2f"])["task"] == "panoptic"
    picture = torch.rand(1, 3, *SIZE) * 255
    given = session.run(["class_logits", "mask_logits"], {"images": picture.numpy()})
    for one, wanted in zip(given, LogitsOfPictures(own.model)(picture), strict=True):
        torch.testing.assert_close(torch.from_numpy(one), wanted.detach(), rtol=1e-3, atol=1e-3)


def test_bad_input_is_a_sentence(segmenter, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"model\.pb must end in \.onnx"):
        export(segmenter, tmp_path / "model.pb", SIZE)
    with pytest.raises(InputError, match="must be multiples of 32, not 64 x 100"):
        export(segmenter, tmp_path / "model.pt2", (64, 100))
    (tmp_path / "there.pt2").touch()
    with pytest.raises(InputError, match="exists and is not overwritten"):
        export(segmenter, tmp_path / "there.pt2", SIZE)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"onnxscript is not installed; `pip install 'm2f\[export\]'`"):
        export(segmenter, tmp_path / "model.onnx", SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["there.pt2"]


class Branching(nn.Module):
    """Does one thing or another, as its numbers say."""

    def forward(self, images):
        return images if images.sum() > 0 else -images


def test_what_branches_on_its_numbers_cannot_be_exported():
    with pytest.raises(InputError, match=r"cannot be exported as a program of torch.export \(.*; `m2f predict` runs"):
        traced(Branching(), torch.ones(1, 3, 4, 4))
