import copy

import pytest
import torch

from m2f.models.transformer_decoder import MaskedAttentionDecoder

VARIANTS = ("CrossAttention", "SMCA", "MaskPooling", "MaskedAttention")


def build(variant="MaskedAttention", mask_prediction="embedded", num_layers=4):
    torch.manual_seed(0)
    return MaskedAttentionDecoder(
        num_classes=3,
        cross_attention={"type": f"m2f.{variant}"},
        queries={"type": "m2f.LearnableQueries", "num_queries": 5},
        embed_dims=16,
        num_heads=2,
        feedforward_dims=32,
        num_layers=num_layers,
        mask_prediction=mask_prediction,
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
    seen = []
    for layer in decoder.layers:
        layer.cross_attention.register_forward_pre_hook(lambda _, given: seen.append((given[2].size, given[2].stride)))
    decoder(*features, all_layers=False)
    assert seen == [((2, 3), 32), ((4, 5), 16), ((8, 9), 8)] * 2


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
