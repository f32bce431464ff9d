"""What every cross-attention is tested on, and softmax attention written out."""

import math

import pytest
import torch

from m2f.models.transformer_decoder.cross_attention import Level

IMAGES, QUERIES, DIMS, HEADS, SIZE = 2, 4, 8, 2, (3, 5)


@pytest.fixture
def given():
    torch.manual_seed(0)
    level = Level(torch.randn(IMAGES, 15, DIMS), torch.randn(1, 15, DIMS), (SIZE,), (16,))
    masks = torch.randn(IMAGES, QUERIES, 15)
    masks[1, 2] = -1  # an empty mask
    return torch.randn(IMAGES, QUERIES, DIMS), torch.randn(1, QUERIES, DIMS), level, masks


@pytest.fixture
def loop():
    return attend


def attend(attention, query, query_position, level, bias):
    """Softmax attention written out; ``bias(image, head, query)`` gives what is added to the logits, per pixel."""
    projected = attention.query(query + query_position)
    keys, values = attention.key(level.source + level.position), attention.value(level.source)
    width = DIMS // HEADS
    result = torch.zeros(IMAGES, QUERIES, DIMS)
    for image in range(IMAGES):
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            for index in range(QUERIES):
                logits = torch.stack(
                    [projected[image, index, part] @ key[part] / math.sqrt(width) for key in keys[image]]
                )
                weights = (logits + bias(image, head, index)).exp()
                result[image, index, part] = (weights / weights.sum()) @ values[image, :, part]
    return attention.output(result)
