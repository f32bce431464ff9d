"""MaskFormer's names: the official code's from a list of their own, the others' from their models themselves.

The list follows facebookresearch/MaskFormer, mask_former/modeling: heads/pixel_decoder.py:56-103 and 205-252,
transformer/transformer_predictor.py:50-85, transformer/transformer.py:84-105, 120-190.
"""

from pathlib import Path

import mmdet.models
import pytest
import torch
from mmdet.registry import MODELS as MMDET
from mmengine.config import Config
from mmengine.registry import DefaultScope

from m2f.checkpoints import convert, from_ours, load_into, read_checkpoint, to_ours
from m2f.checkpoints.architecture import BACKBONES, Architecture
from m2f.checkpoints.models import Model, model_of
from m2f.checkpoints.translation import translate
from m2f.errors import InputError
from m2f.registry import MODELS
from tests.m2f.checkpoints.test_names import attention, linear, norm, resnet, swin

PLAIN, ENCODER = Model.MASKFORMER, Model.MASKFORMER_WITH_ENCODER
CASES = pytest.mark.parametrize(
    ("backbone", "kind"), [("R50", PLAIN), ("R50", ENCODER), ("Swin-T", PLAIN)], ids=["R50", "R50-encoder", "Swin-T"]
)
MMDET_FILE = (
    Path(mmdet.models.__file__).parents[1] / ".mim" / "configs" / "maskformer" / "maskformer_r50_ms-16xb1-75e_coco.py"
)


def maskformer(backbone, kind, classes=5, queries=7, layers=2):
    encoder_layers = layers if kind is ENCODER else 0
    return Architecture(
        {each.name: each for each in BACKBONES}[backbone], classes, queries, encoder_layers, layers, kind
    )


def official_shapes(model):
    channels, with_encoder = model.backbone.channels, model.model is ENCODER
    pixel, head = {}, {"query_embed.weight": (model.queries, 256)}
    for level in range(4):
        inputs = channels[3] if level == 3 and not with_encoder else 256
        pixel |= {f"layer_{level + 1}.weight": (256, inputs, 3, 3)} | norm(f"layer_{level + 1}.norm", 256)
    for level in range(3):
        pixel |= {f"adapter_{level + 1}.weight": (256, channels[level], 1, 1)} | norm(f"adapter_{level + 1}.norm", 256)
    pixel |= {"mask_features.weight": (256, 256, 3, 3), "mask_features.bias": (256,)}
    projection = {"input_proj.weight": (256, channels[3], 1, 1), "input_proj.bias": (256,)}
    (pixel if with_encoder else head).update(projection)
    for layer in range(model.encoder_layers):
        here = f"transformer.encoder.layers.{layer}"
        pixel |= attention(f"{here}.self_attn") | linear(f"{here}.linear1", 2048, 256)
        pixel |= linear(f"{here}.linear2", 256, 2048) | norm(f"{here}.norm1", 256) | norm(f"{here}.norm2", 256)
    for layer in range(model.decoder_layers):
        here = f"transformer.decoder.layers.{layer}"
        head |= attention(f"{here}.self_attn") | attention(f"{here}.multihead_attn")
        head |= linear(f"{here}.linear1", 2048, 256) | linear(f"{here}.linear2", 256, 2048)
        head |= norm(f"{here}.norm1", 256) | norm(f"{here}.norm2", 256) | norm(f"{here}.norm3", 256)
    head |= norm("transformer.decoder.norm", 256) | linear("class_embed", model.classes + 1, 256)
    for layer in range(3):
        head |= linear(f"mask_embed.layers.{layer}", 256, 256)
    parts = {
        "backbone.": swin(model.backbone) if model.backbone.heads else resnet(model.backbone),
        "sem_seg_head.pixel_decoder.": pixel,
        "sem_seg_head.predictor.": head,
        "criterion.": {"empty_weight": (model.classes + 1,)},
    }
    return {prefix + name: shape for prefix, names in parts.items() for name, shape in names.items()}


def official_state(model):
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in official_shapes(model).items()}


def mmdet_model(model):
    """mmdet's, from its own config."""
    config = Config.fromfile(MMDET_FILE).model
    config.backbone = {**model.backbone.config, "type": model.backbone.config["type"].removeprefix("mmdet.")}
    head = config.panoptic_head
    head.in_channels = model.backbone.channels
    head.num_things_classes, head.num_stuff_classes, head.num_queries = model.classes, 0, model.queries
    head.loss_cls.class_weight = [1.0] * model.classes + [0.1]
    head.transformer_decoder.num_layers = model.decoder_layers
    if model.model is ENCODER:
        head.pixel_decoder.encoder.num_layers = model.encoder_layers
    else:
        head.pixel_decoder = {key: head.pixel_decoder[key] for key in ("norm_cfg", "act_cfg")} | {
            "type": "PixelDecoder"
        }
        head.enforce_decoder_input_project = True
    with DefaultScope.overwrite_default_scope("mmdet"):
        return MMDET.build(config)


def transformers_model(model):
    transformers = pytest.importorskip("transformers")
    stages = ["stage1", "stage2", "stage3", "stage4"]
    backbone = model.backbone
    if backbone.heads:
        inner = transformers.SwinConfig(
            embed_dim=backbone.width,
            depths=list(backbone.depths),
            num_heads=list(backbone.heads),
            window_size=backbone.window,
            out_features=stages,
        )
    else:
        inner = transformers.ResNetConfig(depths=list(backbone.depths), out_features=stages)
    decoder = transformers.DetrConfig(decoder_layers=model.decoder_layers, num_queries=model.queries)
    config = transformers.MaskFormerConfig(backbone_config=inner, decoder_config=decoder, num_labels=model.classes)
    return transformers.MaskFormerForInstanceSegmentation(config)


@CASES
def test_all_official_names_and_shapes_are_ours(backbone, kind, shapes_only, shapes):
    model = maskformer(backbone, kind)
    theirs = {name: torch.empty(shape, device="meta") for name, shape in official_shapes(model).items()}
    ours = to_ours(theirs, "detectron2")
    assert model_of(ours, "ours") is kind
    assert shapes(ours) == shapes(shapes_only(model))


@CASES
def test_official_names_there_and_back(backbone, kind, identical):
    """Also by the names of published checkpoints, from before the pixel decoder was a part of its own."""
    theirs = official_state(maskformer(backbone, kind))
    ours = to_ours(theirs, "detectron2")
    old = {name.replace("sem_seg_head.pixel_decoder.", "sem_seg_head."): each for name, each in theirs.items()}
    assert identical(to_ours(old, "detectron2"), ours)
    back = translate(ours, "ours", "detectron2", kind)
    kept = {name: tensor for name, tensor in back.items() if name in theirs}
    assert identical(kept, {name: tensor for name, tensor in theirs.items() if name != "criterion.empty_weight"})


def test_numbers_reach_their_places():
    """A layer's parts are told apart by what they do, not by their order."""
    theirs = official_state(maskformer("R50", ENCODER))
    ours = to_ours(theirs, "detectron2")
    layer, theirs_layer = "transformer_decoder.layers.1.", "sem_seg_head.predictor.transformer.decoder.layers.1."
    for our_name, their_name in {
        layer + "norms.1.weight": theirs_layer + "norm1.weight",  # after self-attention
        layer + "norms.0.weight": theirs_layer + "norm2.weight",  # after cross-attention
        layer + "norms.2.weight": theirs_layer + "norm3.weight",
        layer + "feedforward.3.weight": theirs_layer + "linear2.weight",
        "pixel_decoder.fusions.0.lateral.conv.weight": "sem_seg_head.pixel_decoder.adapter_1.weight",
        "pixel_decoder.outputs.3.gn.bias": "sem_seg_head.pixel_decoder.layer_4.norm.bias",
        "pixel_decoder.projection.weight": "sem_seg_head.pixel_decoder.input_proj.weight",
        "transformer_decoder.norm.weight": "sem_seg_head.predictor.transformer.decoder.norm.weight",
    }.items():
        assert torch.equal(ours[our_name], theirs[their_name]), our_name
    parts = [ours[f"{layer}cross_attention.attention.{name}.weight"] for name in ("query", "key", "value")]
    assert torch.equal(torch.cat(parts), theirs[theirs_layer + "multihead_attn.in_proj_weight"])


@CASES
def test_same_predictions_as_mmdet_and_transformers(backbone, kind, random_state, identical):
    model = maskformer(backbone, kind)
    state = random_state(model)
    ours = MODELS.build(model.config).eval()
    load_into(ours, state)
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    meta = {"batch_input_shape": (64, 96), "img_shape": (64, 96)}
    outputs = []
    with torch.inference_mode():
        output = ours(image)
        theirs = mmdet_model(model)
        theirs.eval()
        theirs.load_state_dict(from_ours(state, "mmdet"), strict=True)
        classes, masks = theirs.panoptic_head(
            theirs.extract_feat(image), [mmdet.structures.DetDataSample(metainfo=meta)]
        )
        outputs.append((classes[-1], masks[-1]))
        assert identical(to_ours(from_ours(state, "mmdet"), "mmdet"), state)
        if kind is PLAIN:
            segmenter = transformers_model(model).eval()
            segmenter.load_state_dict(from_ours(state, "transformers"), strict=True)
            segmented = segmenter(pixel_values=image)
            outputs.append((segmented.class_queries_logits, segmented.masks_queries_logits))
            assert identical(to_ours(from_ours(state, "transformers"), "transformers"), state)
    assert output.class_logits.std() > 0.1
    for their_classes, their_masks in outputs:
        torch.testing.assert_close(output.class_logits[-1], their_classes, rtol=0, atol=1e-4)
        torch.testing.assert_close(output.masks.everything()[-1], their_masks, rtol=0, atol=1e-4)


def test_transformers_has_none_with_encoder_layers(random_state):
    with pytest.raises(InputError, match="transformers has no MaskFormer with encoder layers; write it for mmdet"):
        from_ours(random_state(maskformer("R50", ENCODER)), "transformers")


@pytest.mark.parametrize("backbone", ["R50", "Swin-T"])
def test_files_for_transformers(backbone, random_state, identical, tmp_path):
    """An official file becomes a directory that transformers loads whole, and comes back as it was."""
    transformers = pytest.importorskip("transformers")
    state = random_state(maskformer(backbone, PLAIN))
    torch.save({"model": translate(state, "ours", "detectron2", PLAIN)}, tmp_path / "official.pth")
    convert(tmp_path / "official.pth", tmp_path / "theirs", target_format="transformers")
    _, report = transformers.MaskFormerForInstanceSegmentation.from_pretrained(
        tmp_path / "theirs", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    back, found = read_checkpoint(tmp_path / "theirs")
    assert found == "transformers"
    assert identical(back, state)


def test_a_mask2former_on_an_fpn_is_no_maskformer():
    names = ["pixel_decoder.fusions.0.lateral.conv.weight", "transformer_decoder.queries.features.weight"]
    assert model_of(names, "ours") is Model.MASK2FORMER
