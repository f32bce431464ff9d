import torch

from m2f.models.transformer_decoder import ProbabilityAttention


def test_weights_are_multiplied_by_the_masks_probability(given):
    query, position, level, masks = given
    variant = ProbabilityAttention(8, 2)
    plain = variant.attention.weights(query + position, level.source + level.position)  # [B, heads, Q, N]
    weights = plain * masks.sigmoid()[:, None]
    weights = weights / weights.sum(dim=3, keepdim=True)
    torch.testing.assert_close(variant.attention_map(query, position, level, masks), weights.mean(dim=1))
    values = variant.attention.value(level.source).unflatten(2, (2, 4)).transpose(1, 2)
    read = variant.attention.output((weights @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(variant(query, position, level, masks), read)
