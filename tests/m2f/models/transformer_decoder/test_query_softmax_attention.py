import math

import pytest
import torch
import torch.nn.functional as F

from m2f.models.transformer_decoder import QuerySoftmaxAttention


@torch.no_grad()
@pytest.mark.parametrize("iterations", [1, 3])
def test_pixels_are_shared_out_among_the_queries(given, iterations):
    query, position, level, _ = given
    variant = QuerySoftmaxAttention(8, 2, iterations=iterations)
    attention = variant.attention
    keys, values = attention.key(level.source + level.position), attention.value(level.source)
    centre = query
    for _ in range(iterations):
        asked = attention.query(centre + position)
        read = torch.zeros(2, 4, 8)
        for image in range(2):
            for part in (slice(0, 4), slice(4, 8)):
                logits = torch.tensor(
                    [[asked[image, q, part] @ keys[image, n, part] / math.sqrt(4) for n in range(15)] for q in range(4)]
                )
                share = logits.exp() / logits.exp().sum(dim=0)  # of each pixel
                for index in range(4):
                    mean = sum(share[index, n] * values[image, n, part] for n in range(15)) / share[index].sum()
                    read[image, index, part] = mean
        read = attention.output(read)
        centre = F.layer_norm(query + read, (8,))
    torch.testing.assert_close(variant(query, position, level, None), read, rtol=1e-4, atol=1e-5)


def test_the_attention_map_is_the_last_weights(given):
    query, position, level, _ = given
    shown = (
        QuerySoftmaxAttention(8, 2)(query, position, level, None),
        QuerySoftmaxAttention(8, 2).attention_map(query, position, level, None),
    )
    torch.testing.assert_close(shown[1].sum(dim=2), torch.ones(2, 4), rtol=1e-4, atol=1e-4)


def test_iterations_must_be_a_number():
    with pytest.raises(ValueError, match="iterations must be a whole number"):
        QuerySoftmaxAttention(8, 2, iterations=0)
