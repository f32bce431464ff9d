import math

import pytest
import torch

from m2f.models.transformer_decoder import MaskedAttention, ThresholdedAttention


@pytest.mark.parametrize("threshold", [0.05, 0.15, 0.5, 0.85])
def test_attention_is_where_the_probability_is_great_enough(threshold, given, loop):
    query, position, level, masks = given
    variant = ThresholdedAttention(8, 2, threshold=threshold)

    def bias(image, _, index):
        inside = masks[image, index].sigmoid() >= threshold
        return torch.where(inside, 0.0, -math.inf) if inside.any() else torch.zeros(15)

    expected = loop(variant.attention, query, position, level, bias)
    torch.testing.assert_close(variant(query, position, level, masks), expected)


def test_one_half_is_masked_attention(given):
    query, position, level, masks = given
    masks[0, 0, 0] = 0.0  # exactly one half
    variant, masked = ThresholdedAttention(8, 2, threshold=0.5), MaskedAttention(8, 2)
    masked.load_state_dict(variant.state_dict())
    assert torch.equal(variant(query, position, level, masks), masked(query, position, level, masks))


@pytest.mark.parametrize("threshold", [0, 1, "high"])
def test_it_must_be_a_probability(threshold):
    with pytest.raises(ValueError, match="threshold must be"):
        ThresholdedAttention(8, 2, threshold=threshold)
