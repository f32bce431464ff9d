"""Names and layouts against the models of mmdet, mmsegmentation and transformers themselves."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from m2f.checkpoints import from_ours, load_into, to_ours
from m2f.checkpoints.architecture import BACKBONES
from m2f.checkpoints.names import ROWS, in_transformers_file
from m2f.checkpoints.translation import by_channel, by_pixel, patterns
from m2f.errors import InputError
from m2f.models.without_data import EmptyOnMeta
from m2f.registry import MODELS

NAMES = [backbone.name for backbone in BACKBONES]
CLASSES = {"panoptic": 133, "instance": 80, "semantic": 150}


@pytest.mark.parametrize("peer", ["mmdet", "transformers"])
@pytest.mark.parametrize("name", NAMES)
def test_all_names_and_shapes_are_the_peers(name, peer, architecture, shapes_only, shapes, request):
    model = architecture(name)
    ours = shapes_only(model)
    theirs = request.getfixturevalue(f"{peer}_model")(model).state_dict()
    assert shapes(from_ours(ours, peer)) == shapes(theirs)
    assert shapes(to_ours(theirs, peer)) == shapes(ours)


@pytest.mark.parametrize("peer", ["mmdet", "transformers"])
@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_every_tasks_classes(classes, peer, architecture, shapes_only, shapes, request):
    model = architecture("Swin-T", classes, queries=200)
    theirs = request.getfixturevalue(f"{peer}_model")(model).state_dict()
    assert shapes(from_ours(shapes_only(model), peer)) == shapes(theirs)
    assert shapes(to_ours(theirs, peer)) == shapes(shapes_only(model))


@pytest.mark.parametrize("peer", ["mmdet", "transformers"])
@pytest.mark.parametrize("name", ["R50", "Swin-T"])
def test_there_and_back_is_bit_for_bit(name, peer, architecture, random_state, identical):
    ours = random_state(architecture(name))
    theirs = from_ours(ours, peer)
    assert not identical(theirs, ours)
    assert identical(to_ours(theirs, peer), ours)


@pytest.mark.parametrize("name", ["R50", "Swin-T"])
def test_same_predictions(name, architecture, random_state, mmdet_model, transformers_model):
    model = architecture(name, queries=12, layers=(2, 3))
    state = random_state(model)
    ours = MODELS.build(model.config).eval()
    load_into(ours, state)
    image = torch.zeros(1, 3, 64, 96)
    image[:, :, :50, :70] = torch.randn(1, 3, 50, 70, generator=torch.Generator().manual_seed(1))
    peers = {"mmdet": mmdet_model(model, data=True), "transformers": transformers_model(model, data=True)}
    for peer, theirs in peers.items():
        theirs.eval()  # mmdet's backbones do not return themselves
        theirs.load_state_dict(from_ours(state, peer), strict=True)
    with torch.inference_mode():
        output = ours(image)
        classes, masks = peers["mmdet"].panoptic_head(peers["mmdet"].extract_feat(image), [None])
        segmented = peers["transformers"](pixel_values=image)
    assert output.class_logits.std() > 0.1
    for their_classes, their_masks in (
        (classes[-1], masks[-1]),
        (segmented.class_queries_logits, segmented.masks_queries_logits),
    ):
        torch.testing.assert_close(output.class_logits[-1], their_classes, rtol=0, atol=1e-4)
        torch.testing.assert_close(output.masks.everything()[-1], their_masks, rtol=0, atol=1e-4)


def test_mmsegmentations_names_are_known(architecture, shapes_only, shapes):
    import mmseg.models

    file = (
        Path(mmseg.__file__).parent / ".mim" / "configs" / "mask2former" / "mask2former_r50_8xb2-160k_ade20k-512x512.py"
    )
    config = Config.fromfile(file).model
    with DefaultScope.overwrite_default_scope("mmseg"), EmptyOnMeta():
        theirs = mmseg.registry.MODELS.build({**config, "pretrained": None}).state_dict()
    assert shapes(to_ours(theirs, "mmdet")) == shapes(shapes_only(architecture("R50", 150)))


def test_mmdet_2s_names_are_known(architecture, random_state, identical):
    ours = random_state(architecture("R50", 3, 10))
    old = {}
    for name, tensor in from_ours(ours, "mmdet").items():
        sampled = "pixel_decoder" in name
        for present, past in (
            ("self_attn", "attentions.0" if sampled else "attentions.1"),
            ("cross_attn", "attentions.0"),
            (".ffn.", ".ffns.0."),
        ):
            name = name.replace(present, past) if name.startswith("panoptic_head") else name
        old[name] = tensor
    assert "panoptic_head.transformer_decoder.layers.8.attentions.1.attn.in_proj_weight" in old
    assert "panoptic_head.pixel_decoder.encoder.layers.5.ffns.0.layers.0.0.bias" in old
    assert identical(to_ours(old, "mmdet"), ours)


def test_transformers_names_in_files_are_known(architecture, random_state, identical):
    ours = random_state(architecture("Swin-T"))
    theirs = from_ours(ours, "transformers")
    files = {in_transformers_file(name): tensor for name, tensor in theirs.items()}
    encoder = "model.pixel_level_module.encoder"
    block = f"{encoder}.encoder.layers.2.blocks.5"
    assert f"{encoder}.embeddings.patch_embeddings.projection.weight" in files
    for part in (
        "attention.self.query.weight",
        "attention.self.relative_position_bias_table",
        "attention.output.dense.bias",
        "intermediate.dense.weight",
        "output.dense.weight",
    ):
        assert f"{block}.{part}" in files
    files[f"{block}.attention.self.relative_position_index"] = torch.arange(49 * 49).view(49, 49)
    back = to_ours(files, "transformers")
    index = "backbone.stages.2.blocks.5.attn.w_msa.relative_position_index"
    assert torch.equal(back.pop(index), torch.arange(49 * 49).view(49, 49))
    assert identical(back, {name: tensor for name, tensor in ours.items() if name != index})


def test_a_window_is_read_column_by_column_elsewhere():
    channels, pixels = torch.arange(8.0), torch.tensor([0.0, 4, 2, 6, 1, 5, 3, 7])
    assert torch.equal(by_pixel(channels), pixels)
    assert torch.equal(by_channel(pixels), channels)


def test_a_packed_projection_is_cut_in_order(architecture, random_state):
    ours = random_state(architecture("R50"))
    packed = from_ours(ours, "mmdet")["panoptic_head.transformer_decoder.layers.4.self_attn.attn.in_proj_bias"]
    for part, name in zip(packed.split(256), ("query", "key", "value"), strict=True):
        assert torch.equal(part, ours[f"transformer_decoder.layers.4.self_attention.{name}.bias"])


def test_class_weights_of_the_loss_are_the_papers(architecture, random_state):
    weights = from_ours(random_state(architecture("R50", 3)), "transformers")["criterion.empty_weight"]
    assert torch.equal(weights, torch.tensor([1.0, 1.0, 1.0, 0.1]))


def test_what_has_no_place_keeps_its_name(architecture, random_state):
    theirs = from_ours(random_state(architecture("Swin-T", 3)), "transformers")
    theirs["criterion.empty_weight"] = torch.ones(7)
    theirs["surprise"] = torch.ones(2)
    assert {"criterion.empty_weight", "surprise"} <= to_ours(theirs, "transformers").keys()


def test_part_of_a_packed_projection_alone_keeps_its_name(architecture, random_state):
    theirs = from_ours(random_state(architecture("Swin-T", 3)), "transformers")
    block, layer = (
        "model.pixel_level_module.encoder.swin.encoder.layers.0.blocks.0.attention.",
        "layers.0.self_attention.",
    )
    del theirs[f"{block}v_proj.bias"], theirs["model.transformer_module.decoder.layers.0.self_attn.q_proj.bias"]
    ours = to_ours(theirs, "transformers")
    assert "backbone.stages.0.blocks.0.attn.w_msa.qkv.bias" not in ours
    assert {f"{block}q_proj.bias", f"{block}k_proj.bias"} <= ours.keys()
    assert f"transformer_decoder.{layer}query.bias" not in ours
    assert f"transformer_decoder.{layer}key.bias" in ours


def test_a_tensor_under_two_names_is_refused():
    new, old = "sem_seg_head.predictor.query_feat.weight", "sem_seg_head.predictor.static_query.weight"
    with pytest.raises(InputError, match=f"holds {new} twice"):
        to_ours({new: torch.ones(1), old: torch.zeros(1)}, "detectron2")
    with pytest.raises(InputError, match=r"transformer_decoder\.norm\.bias twice"):
        to_ours(
            {
                "transformer_decoder.norm.bias": torch.ones(1),
                "panoptic_head.transformer_decoder.post_norm.bias": torch.ones(1),
            },
            "mmdet",
        )


@pytest.mark.parametrize("shape", [(), (5,), (6, 2)])
def test_a_tensor_of_a_shape_that_cannot_be_cut_keeps_its_name(shape):
    name = "panoptic_head.transformer_decoder.layers.0.self_attn.attn.in_proj_weight"
    back = to_ours({name: torch.zeros(shape)}, "mmdet")
    assert (name in back) == (shape != (6, 2))


def test_each_name_has_one_row():
    for layout in ("ours", "detectron2", "mmdet", "transformers"):
        for row in ROWS:
            for name in row.named(layout):
                example = name.replace("#", "0").replace("*", "weight")
                assert sum(bool(pattern.fullmatch(example)) for pattern, *_ in patterns(layout)) == 1, example


def test_placeholders_of_a_row_stand_in_one_order():
    for row in ROWS:
        names = [name for layout in ("ours", "detectron2", "mmdet", "transformers") for name in row.named(layout)]
        assert len({tuple(re.findall("[#*]", name)) for name in names}) == 1, names


def test_unknown_formats_are_refused():
    with pytest.raises(ValueError, match="'caffe'"):
        to_ours({}, "caffe")
    with pytest.raises(ValueError, match="'detectron2'"):
        from_ours({}, "detectron2")
