"""Our components in mmdet's real head and mmdet's real pixel decoder in our model, beside each other."""

import re
from pathlib import Path

import pytest
import torch
from mmengine import Config, ConfigDict
from mmengine.registry import DefaultScope

from m2f.checkpoints.translation import from_ours
from m2f.config_files import read_config
from m2f.own_configs import own_config
from m2f.peers.mmdet_peer import detector_config
from m2f.registry import MODELS

SIZES = ((64, 96), (32, 48), (16, 24), (8, 12))  # of the backbone's maps, 1/4 to 1/32


@pytest.fixture(scope="module")
def model_config():
    """The paper's model, narrow and shallow: mmdet's norm has 32 groups."""
    config = read_config(own_config("mini/panoptic.py")).to_dict()["model"]
    config["pixel_decoder"]["norm_groups"] = 8
    return config


@pytest.fixture(scope="module")
def ours(model_config):
    torch.manual_seed(0)
    return MODELS.build(model_config).eval()


@pytest.fixture(scope="module")
def features(model_config):
    torch.manual_seed(1)
    widths = model_config["pixel_decoder"]["in_channels"]
    return [torch.randn(2, width, *size) for width, size in zip(widths, SIZES, strict=True)]


@pytest.fixture(scope="module")
def head(model_config):
    """Build mmdet's head with changes to its config."""

    def build(change=lambda config: None):
        config = ConfigDict(detector_config(model_config))
        own = config.panoptic_head
        own.update(train_cfg=config.train_cfg, test_cfg=config.test_cfg, type="mmdet.Mask2FormerHead")
        change(own)
        with DefaultScope.overwrite_default_scope("mmdet"):
            built = MODELS.build(own)
            built.init_weights()
        return built.eval()

    return build


def predicted(head, features):
    with torch.no_grad():
        classes, masks = head(features, [None] * len(features[0]))
    return torch.stack(classes), torch.stack(masks)


def test_masked_attention_of_ours_is_mmdets_own(head, features):
    theirs = head()
    mixed = head(lambda config: config.update(type="m2f.Mask2FormerHead", cross_attention="m2f.MaskedAttention"))
    mixed.load_state_dict(renamed(theirs.state_dict()), strict=True)
    for one, other in zip(predicted(mixed, features), predicted(theirs, features), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def renamed(state):
    """mmdet's cross-attentions under our names: one matrix of theirs is three of ours."""
    new = {}
    for name, value in state.items():
        layer, found, last = name.partition(".cross_attn.attn.")
        if not found:
            new[name] = value
        elif last.startswith("in_proj"):
            for part, each in zip(("query", "key", "value"), value.chunk(3), strict=True):
                new[f"{layer}.cross_attn.attention.attention.{part}.{last.removeprefix('in_proj_')}"] = each
        else:
            new[f"{layer}.cross_attn.attention.attention.output.{last.removeprefix('out_proj.')}"] = value
    return new


@pytest.mark.parametrize("name", ["CrossAttention", "MaskedAttention", "SMCA", "MaskPooling"])
def test_every_cross_attention_of_ours_is_read_and_learned_in_mmdets_head(head, features, name):
    mixed = head(lambda config: config.update(type="m2f.Mask2FormerHead", cross_attention={"type": f"m2f.{name}"}))
    own = [each for each in mixed.modules() if type(each).__name__ == name]
    assert len(own) == 3
    classes, masks = mixed(features, [None, None])
    assert masks[-1].shape == (2, 30, *SIZES[0])
    (torch.stack(classes).sum() + masks[-1].mean()).backward()
    assert all(parameter.grad is not None for parameter in own[0].parameters() if parameter.requires_grad)


def test_a_mask_steers_the_cross_attention(head, features):
    mixed = head(lambda config: config.update(type="m2f.Mask2FormerHead", cross_attention="m2f.MaskPooling"))
    reader = mixed.readers[0]
    mixed(features, [None, None])
    assert reader.size == SIZES[3]
    cells = SIZES[3][0] * SIZES[3][1]
    query, image = torch.randn(2, 30, 64), torch.randn(2, cells, 64)
    background = torch.ones(2, 4, 30, cells, dtype=torch.bool)
    background[..., 5] = False
    read = reader(query, image, image, query, image, background.flatten(0, 1)) - query
    expected = reader.attention.output(reader.attention.value(image[:, 5:6])).expand_as(read)
    torch.testing.assert_close(read, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["FPN", "BiFPN", "MSDeformAttn", "SemanticFPN"])
def test_our_pixel_decoders_feed_mmdets_head(head, features, name):
    def change(config):
        config.pixel_decoder.update(type="m2f.OurPixelDecoder", decoder={"type": f"m2f.{name}", "norm_groups": 8})

    mixed = head(change)
    mask_features, pyramid = mixed.pixel_decoder(features)
    expected, expected_masks = mixed.pixel_decoder.decoder(features)
    assert torch.equal(mask_features, expected_masks)
    assert all(torch.equal(*pair) for pair in zip(pyramid, expected, strict=True))
    classes, masks = predicted(mixed, features)
    assert (len(classes), masks.shape[1:]) == (4, (2, 30, *SIZES[0]))


def test_mmdets_pixel_decoder_is_in_ours_what_ours_is(model_config, ours, features):
    theirs = detector_config(model_config)["panoptic_head"]["pixel_decoder"]
    decoder = {**theirs, "type": "mmdet.MSDeformAttnPixelDecoder", "strides": [4, 8, 16, 32]}
    config = {
        "type": "m2f.TheirPixelDecoder",
        "decoder": ConfigDict(decoder),
        "in_channels": model_config["pixel_decoder"]["in_channels"],
        "embed_dims": 64,
    }
    mixed = MODELS.build({**model_config, "pixel_decoder": config}).eval()
    prefix = "panoptic_head.pixel_decoder."
    state = {
        name.removeprefix(prefix): each
        for name, each in from_ours(ours.state_dict(), "mmdet").items()
        if name.startswith(prefix)
    }
    mixed.pixel_decoder.decoder.load_state_dict(state, strict=True)
    with torch.no_grad():
        (pyramid, masks), (expected, expected_masks) = mixed.pixel_decoder(features), ours.pixel_decoder(features)
    torch.testing.assert_close(masks, expected_masks, rtol=1e-3, atol=1e-3)
    for one, other in zip(pyramid, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
    output = mixed.decode(torch.randn(1, 3, 64, 64), all_layers=False)
    assert output.class_logits.shape[1:3] == (1, 30)


TEXT = (Path(__file__).parents[4] / "docs" / "pixel-decoders.md").read_text()
PIXELS, ATTENTION, _ = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("lines", [PIXELS, PIXELS.splitlines()[0] + "\n" + ATTENTION])
def test_the_documents_lines_change_mmdets_own_config(tmp_path, lines):
    (tmp_path / "own.py").write_text(lines)
    config = Config.fromfile(tmp_path / "own.py")
    with torch.device("meta"), DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build({**config.model, "_scope_": "mmdet"})
    names = {type(module).__name__ for module in model.modules()}
    assert ("MaskPooling" in names) != ("BiFPN" in names)
    assert ("MSDeformAttnPixelDecoder" in names) == ("MaskPooling" in names)
