import copy

import pytest
import torch
import torch.nn.functional as F

from m2f.models.transformer_decoder import MaskedAttentionDecoder
from m2f.models.transformer_decoder.cross_attention import Level

VARIANTS = ("CrossAttention", "SMCA", "MaskPooling", "MaskedAttention")


def build(variant="MaskedAttention", mask_prediction="embedded", num_layers=4, queries="LearnableQueries", **options):
    torch.manual_seed(0)
    return MaskedAttentionDecoder(
        num_classes=3,
        cross_attention={"type": f"m2f.{variant}"},
        queries={"type": f"m2f.{queries}", "num_queries": 5},
        embed_dims=16,
        num_heads=2,
        feedforward_dims=32,
        num_layers=num_layers,
        mask_prediction=mask_prediction,
        **options,
    )


@pytest.fixture
def features():
    torch.manual_seed(1)
    pyramid = [torch.randn(2, 16, side, side + 1) for side in (2, 4, 8)]
    return pyramid, torch.randn(2, 16, 16, 18)


@pytest.mark.parametrize("variant", VARIANTS)
def test_last_prediction_does_not_depend_on_asking_for_all(variant, features):
    decoder = build(variant)
    every, last = decoder(*features, all_layers=True), decoder(*features, all_layers=False)
    assert every.class_logits.shape == (5, 2, 5, 4)
    assert last.class_logits.shape == (1, 2, 5, 4)
    torch.testing.assert_close(every.class_logits[-1:], last.class_logits)
    torch.testing.assert_close(every.masks.embeddings[-1:], last.masks.embeddings)


@pytest.mark.parametrize("variant", VARIANTS)
def test_dense_masks_are_the_same_masks(variant, features):
    embedded = build(variant)(*features, all_layers=True)
    dense = build(variant, "dense")(*features, all_layers=True)
    torch.testing.assert_close(dense.class_logits, embedded.class_logits)
    expected = torch.einsum("lbqd,bdhw->lbqhw", embedded.masks.embeddings, embedded.masks.features)
    torch.testing.assert_close(dense.masks.logits, expected, rtol=1e-4, atol=1e-5)


def test_layers_read_the_levels_in_turn(features):
    decoder = build(num_layers=6)
    seen = levels_read(decoder, features)
    assert [(level.sizes, level.strides) for level in seen] == [
        (((2, 3),), (32,)),
        (((4, 5),), (16,)),
        (((8, 9),), (8,)),
    ] * 2


def levels_read(decoder, features):
    seen = []
    for layer in decoder.layers:
        layer.cross_attention.register_forward_pre_hook(lambda _, given: seen.append(given[2]))
    decoder(*features, all_layers=False)
    return seen


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_one_scale_alone_has_no_level_embedding(stride, features):
    decoder = build(reads=[[stride]])
    index = (32, 16, 8).index(stride)
    tokens = features[0][index].flatten(2).transpose(1, 2)
    assert decoder.level_embedding is None
    for level in levels_read(decoder, features):
        assert level.strides == (stride,)
        torch.testing.assert_close(level.source, tokens)


@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
def test_all_scales_together_are_one_after_the_other(mask_prediction, features):
    naive, efficient = build(mask_prediction=mask_prediction, reads=[[32, 16, 8]]), build()
    assert {key: value.shape for key, value in naive.state_dict().items()} == {
        key: value.shape for key, value in efficient.state_dict().items()
    }
    alone = levels_read(efficient, features)[:3]
    for level in levels_read(naive, features):
        assert level.sizes == ((2, 3), (4, 5), (8, 9))
        torch.testing.assert_close(level.source, torch.cat([part.source for part in alone], dim=1))
        torch.testing.assert_close(level.position, torch.cat([part.position for part in alone], dim=1))


def test_masks_at_all_scales_are_those_of_each_scale(features):
    decoder = build(reads=[[32, 16, 8]])
    given = []
    decoder.layers[0].cross_attention.register_forward_pre_hook(lambda _, inputs: given.append(inputs[3]))
    output = decoder(*features, all_layers=True)
    dense = output.masks.at_layer(0).everything()[0]
    expected = [F.interpolate(dense, size=size, mode="bilinear").flatten(2) for size in ((2, 3), (4, 5), (8, 9))]
    torch.testing.assert_close(given[0], torch.cat(expected, dim=2), rtol=1e-4, atol=1e-5)


def test_reads_must_be_strides_of_the_pyramid():
    with pytest.raises(ValueError, match="strides"):
        build(reads=[[4]])


def test_queries_that_are_not_supervised_have_no_prediction_of_their_own(features):
    decoder = build(queries="ZeroQueries")
    output = decoder(*features, all_layers=True)
    assert decoder.first_prediction == 1
    assert len(output.class_logits) == output.masks.layers == 4
    supervised = build()(*features, all_layers=True)
    assert len(supervised.class_logits) == 5
    assert not supervised.class_logits[0].isclose(supervised.class_logits[0, :, :1]).all()


def test_zero_queries_see_one_region_in_the_first_layer(features):
    decoder = build(queries="ZeroQueries")
    given = []
    decoder.layers[0].cross_attention.register_forward_pre_hook(lambda _, inputs: given.append(inputs))
    decoder(*features, all_layers=False)
    query, _, _, mask_logits = given[0]
    assert not query.any()
    torch.testing.assert_close(mask_logits, mask_logits[:, :1].expand_as(mask_logits))


def test_self_attention_first_is_detrs_order():
    layer = build("CrossAttention", cross_attention_first=False, dropout=0.1).layers[0].eval()
    query, position, source = torch.randn(2, 5, 16), torch.randn(1, 5, 16), torch.randn(2, 6, 16)
    level = Level(source, torch.randn(1, 6, 16), ((2, 3),), (32,))
    positioned = query + position
    query_after = F.layer_norm(query + layer.self_attention(positioned, positioned, query), (16,))
    read = layer.cross_attention.attention(query_after + position, source + level.position, source)
    query_after = F.layer_norm(query_after + read, (16,))
    expected = F.layer_norm(query_after + layer.feedforward(query_after), (16,))
    torch.testing.assert_close(layer(query, position, level, None), expected)


def test_dropout_acts_in_training_alone(features):
    decoder = build(dropout=0.5)
    first, second = (decoder(*features, all_layers=False).class_logits for _ in range(2))
    assert not torch.allclose(first, second)
    decoder.eval()
    first, second = (decoder(*features, all_layers=False).class_logits for _ in range(2))
    torch.testing.assert_close(first, second)


def test_one_layers_prediction_alone(features):
    for mask_prediction in ("embedded", "dense"):
        output = build(mask_prediction=mask_prediction)(*features, all_layers=True)
        second = output.at_layer(1)
        assert second.masks.layers == 1
        torch.testing.assert_close(second.class_logits[0], output.class_logits[1])
        query = torch.arange(5)
        index = torch.ones(5, dtype=torch.long)
        torch.testing.assert_close(
            second.masks.answer(0, query), output.masks.of(index, index * 0, query), rtol=1e-4, atol=1e-5
        )


def test_first_prediction_comes_from_the_raw_queries(features):
    decoder = build()
    other = copy.deepcopy(features)
    other[0][0].normal_()
    first, second = (decoder(*given, all_layers=True) for given in (features, other))
    torch.testing.assert_close(first.class_logits[0], second.class_logits[0])
    assert not torch.allclose(first.class_logits[1], second.class_logits[1])


def test_mask_prediction_must_be_known():
    with pytest.raises(ValueError, match="'embedded' or 'dense'"):
        build(mask_prediction="sparse")
