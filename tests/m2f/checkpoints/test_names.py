"""Names and layouts of the official code, which cannot be installed here, from a list of their own."""

import pytest
import torch
import torch.nn.functional as F
from mmdet.models.layers import PatchMerging

from m2f.checkpoints import from_ours, to_ours
from m2f.checkpoints.architecture import BACKBONES


def linear(name, outputs, inputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name, channels):
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def frozen_norm(name, channels):
    return norm(name, channels) | {f"{name}.running_mean": (channels,), f"{name}.running_var": (channels,)}


def attention(name):
    packed = {f"{name}.in_proj_weight": (768, 256), f"{name}.in_proj_bias": (768,)}
    return packed | linear(f"{name}.out_proj", 256, 256)


def resnet(backbone):
    names = {"stem.conv1.weight": (64, 3, 7, 7)} | frozen_norm("stem.conv1.norm", 64)
    inputs = 64
    for stage, depth in enumerate(backbone.depths):
        middle, outputs = 64 * 2**stage, 256 * 2**stage
        for block in range(depth):
            here = f"res{stage + 2}.{block}"
            if block == 0:
                names |= {f"{here}.shortcut.weight": (outputs, inputs, 1, 1)}
                names |= frozen_norm(f"{here}.shortcut.norm", outputs)
            names |= {f"{here}.conv1.weight": (middle, inputs if block == 0 else outputs, 1, 1)}
            names |= {f"{here}.conv2.weight": (middle, middle, 3, 3), f"{here}.conv3.weight": (outputs, middle, 1, 1)}
            for number, channels in ((1, middle), (2, middle), (3, outputs)):
                names |= frozen_norm(f"{here}.conv{number}.norm", channels)
        inputs = outputs
    return names


def swin(backbone):
    width, cells = backbone.width, backbone.window**2
    names = {"patch_embed.proj.weight": (width, 3, 4, 4), "patch_embed.proj.bias": (width,)}
    names |= norm("patch_embed.norm", width)
    for stage, (depth, heads) in enumerate(zip(backbone.depths, backbone.heads, strict=True)):
        channels = width * 2**stage
        for block in range(depth):
            here = f"layers.{stage}.blocks.{block}"
            names |= norm(f"{here}.norm1", channels) | norm(f"{here}.norm2", channels)
            names |= {f"{here}.attn.relative_position_bias_table": ((2 * backbone.window - 1) ** 2, heads)}
            names |= {f"{here}.attn.relative_position_index": (cells, cells)}
            names |= linear(f"{here}.attn.qkv", 3 * channels, channels) | linear(
                f"{here}.attn.proj", channels, channels
            )
            names |= linear(f"{here}.mlp.fc1", 4 * channels, channels) | linear(
                f"{here}.mlp.fc2", channels, 4 * channels
            )
        if stage < 3:
            names |= {f"layers.{stage}.downsample.reduction.weight": (2 * channels, 4 * channels)}
            names |= norm(f"layers.{stage}.downsample.norm", 4 * channels)
        names |= norm(f"norm{stage}", channels)
    return names


def pixel_decoder(channels, layers):
    names = {"transformer.level_embed": (3, 256), "adapter_1.weight": (256, channels[0], 1, 1)}
    for index, inputs in enumerate(channels[:0:-1]):
        names |= {f"input_proj.{index}.0.weight": (256, inputs, 1, 1), f"input_proj.{index}.0.bias": (256,)}
        names |= norm(f"input_proj.{index}.1", 256)
    for layer in range(layers):
        here = f"transformer.encoder.layers.{layer}"
        names |= linear(f"{here}.self_attn.sampling_offsets", 192, 256)
        names |= linear(f"{here}.self_attn.attention_weights", 96, 256)
        names |= linear(f"{here}.self_attn.value_proj", 256, 256) | linear(f"{here}.self_attn.output_proj", 256, 256)
        names |= linear(f"{here}.linear1", 1024, 256) | linear(f"{here}.linear2", 256, 1024)
        names |= norm(f"{here}.norm1", 256) | norm(f"{here}.norm2", 256)
    names |= norm("adapter_1.norm", 256) | {"layer_1.weight": (256, 256, 3, 3)} | norm("layer_1.norm", 256)
    return names | {"mask_features.weight": (256, 256, 1, 1), "mask_features.bias": (256,)}


def predictor(model):
    names = {"query_feat.weight": (model.queries, 256), "query_embed.weight": (model.queries, 256)}
    names |= {"level_embed.weight": (3, 256)} | norm("decoder_norm", 256)
    for layer in range(model.decoder_layers):
        for kind, inner in (("self", "self_attn"), ("cross", "multihead_attn")):
            here = f"transformer_{kind}_attention_layers.{layer}"
            names |= attention(f"{here}.{inner}") | norm(f"{here}.norm", 256)
        here = f"transformer_ffn_layers.{layer}"
        names |= linear(f"{here}.linear1", 2048, 256) | linear(f"{here}.linear2", 256, 2048) | norm(f"{here}.norm", 256)
    names |= linear("class_embed", model.classes + 1, 256)
    for layer in range(3):
        names |= linear(f"mask_embed.layers.{layer}", 256, 256)
    return names


def official_shapes(model):
    """Every tensor of the official model."""
    backbone = swin(model.backbone) if model.backbone.heads else resnet(model.backbone)
    parts = {
        "backbone.": backbone,
        "sem_seg_head.pixel_decoder.": pixel_decoder(model.backbone.channels, model.encoder_layers),
        "sem_seg_head.predictor.": predictor(model),
        "criterion.": {"empty_weight": (model.classes + 1,)},
    }
    return {prefix + name: shape for prefix, names in parts.items() for name, shape in names.items()}


def official_state(model):
    """Distinct random numbers in all of them."""
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in official_shapes(model).items()}


@pytest.mark.parametrize(
    ("name", "classes"), [*((backbone.name, 133) for backbone in BACKBONES), ("R50", 80), ("Swin-L", 150)]
)
def test_all_official_names_and_shapes_are_ours(name, classes, architecture, shapes_only, shapes):
    model = architecture(name, classes)
    theirs = {name: torch.empty(shape, device="meta") for name, shape in official_shapes(model).items()}
    assert shapes(to_ours(theirs, "detectron2")) == shapes(shapes_only(model))


def test_numbers_reach_their_places(architecture):
    theirs = official_state(architecture("R50", 3))
    ours = to_ours(theirs, "detectron2")
    head = "sem_seg_head.predictor"
    for our_name, their_name in {
        "backbone.conv1.weight": "backbone.stem.conv1.weight",
        "backbone.bn1.running_var": "backbone.stem.conv1.norm.running_var",
        "backbone.layer1.0.downsample.0.weight": "backbone.res2.0.shortcut.weight",
        "backbone.layer1.0.downsample.1.bias": "backbone.res2.0.shortcut.norm.bias",
        "backbone.layer4.2.bn3.running_mean": "backbone.res5.2.conv3.norm.running_mean",
        "pixel_decoder.projections.0.0.weight": "sem_seg_head.pixel_decoder.input_proj.0.0.weight",
        "pixel_decoder.layers.3.norms.1.bias": "sem_seg_head.pixel_decoder.transformer.encoder.layers.3.norm2.bias",
        "pixel_decoder.lateral.conv.weight": "sem_seg_head.pixel_decoder.adapter_1.weight",
        "pixel_decoder.output.gn.weight": "sem_seg_head.pixel_decoder.layer_1.norm.weight",
        "transformer_decoder.queries.features.weight": f"{head}.query_feat.weight",
        "transformer_decoder.queries.positions.weight": f"{head}.query_embed.weight",
        "transformer_decoder.layers.8.norms.0.weight": f"{head}.transformer_cross_attention_layers.8.norm.weight",
        "transformer_decoder.layers.8.norms.1.weight": f"{head}.transformer_self_attention_layers.8.norm.weight",
        "transformer_decoder.layers.8.norms.2.weight": f"{head}.transformer_ffn_layers.8.norm.weight",
        "transformer_decoder.mask_embedding.4.bias": f"{head}.mask_embed.layers.2.bias",
    }.items():
        assert torch.equal(ours[our_name], theirs[their_name]), our_name
    for ours_prefix, packed in (
        ("cross_attention.attention", f"{head}.transformer_cross_attention_layers.2.multihead_attn.in_proj_weight"),
        ("self_attention", f"{head}.transformer_self_attention_layers.2.self_attn.in_proj_weight"),
    ):
        parts = [
            ours[f"transformer_decoder.layers.2.{ours_prefix}.{name}.weight"] for name in ("query", "key", "value")
        ]
        assert torch.equal(torch.cat(parts), theirs[packed])
    assert torch.equal(ours["backbone.bn1.num_batches_tracked"], torch.tensor(0))


def test_transformers_has_the_officials_order(architecture):
    theirs = official_state(architecture("Swin-T", 3))
    converted = from_ours(to_ours(theirs, "detectron2"), "transformers")
    stage = "model.pixel_level_module.encoder.swin.encoder.layers.1"
    for suffix in ("reduction.weight", "norm.weight", "norm.bias"):
        assert torch.equal(converted[f"{stage}.downsample.{suffix}"], theirs[f"backbone.layers.1.downsample.{suffix}"])
    value = theirs["backbone.layers.1.blocks.1.attn.qkv.weight"][-192:]
    assert torch.equal(converted[f"{stage}.blocks.1.attention.v_proj.weight"], value)


def test_merging_windows_gives_the_officials_result(architecture):
    ours = to_ours(official_state(architecture("Swin-T", 3)), "detectron2")
    theirs = official_state(architecture("Swin-T", 3))
    merge = PatchMerging(96, 192)
    merge.load_state_dict({name: ours[f"backbone.stages.0.downsample.{name}"] for name in merge.state_dict()})
    image = torch.randn(1, 6, 4, 96, generator=torch.Generator().manual_seed(2))
    # As PatchMerging does in the official swin.py.
    corners = [image[:, row::2, column::2] for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))]
    merged = torch.cat(corners, dim=-1).flatten(1, 2)
    scale, shift, weight = (
        theirs[f"backbone.layers.0.downsample.{name}"] for name in ("norm.weight", "norm.bias", "reduction.weight")
    )
    expected = F.layer_norm(merged, (384,), scale, shift) @ weight.T
    result, _ = merge(image.flatten(1, 2), (6, 4))
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-4)


def test_relative_positions_are_the_officials(architecture):
    theirs = official_state(architecture("Swin-T", 3))
    for name in [name for name in theirs if name.endswith("relative_position_index")]:
        del theirs[name]
    index = to_ours(theirs, "detectron2")["backbone.stages.3.blocks.1.attn.w_msa.relative_position_index"]
    cells = [(row, column) for row in range(7) for column in range(7)]
    expected = [[(y - other_y + 6) * 13 + x - other_x + 6 for other_y, other_x in cells] for y, x in cells]
    assert torch.equal(index, torch.tensor(expected))


def test_names_before_the_pixel_decoder_was_a_part_of_its_own(architecture, identical):
    """Published checkpoints have them."""
    theirs = official_state(architecture("R50", 3))
    old = {
        name.replace("sem_seg_head.pixel_decoder.", "sem_seg_head.").replace("query_feat", "static_query"): tensor
        for name, tensor in theirs.items()
    }
    assert {"sem_seg_head.adapter_1.norm.weight", "sem_seg_head.predictor.static_query.weight"} <= old.keys()
    assert identical(to_ours(old, "detectron2"), to_ours(theirs, "detectron2"))


def test_norms_that_learn_keep_their_counts(architecture):
    theirs = official_state(architecture("R50", 3))
    theirs["backbone.res3.1.conv2.norm.num_batches_tracked"] = torch.tensor(7)
    assert to_ours(theirs, "detectron2")["backbone.layer2.1.bn2.num_batches_tracked"] == 7
