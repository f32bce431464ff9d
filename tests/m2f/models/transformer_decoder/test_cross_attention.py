"""Every variant against a plain loop over images, heads, queries and pixels."""

import math

import pytest
import torch

from m2f.models.transformer_decoder.cross_attention import (
    SMCA,
    CrossAttention,
    Level,
    MaskedAttention,
    MaskPooling,
    foreground,
)

IMAGES, QUERIES, DIMS, HEADS, SIZE = 2, 4, 8, 2, (3, 5)


def test_cross_attention(given, loop):
    variant = CrossAttention(DIMS, HEADS)
    query, position, level, _ = given
    expected = loop(variant.attention, query, position, level, lambda *_: torch.zeros(15))
    torch.testing.assert_close(variant(query, position, level, None), expected)


def test_masked_attention_sees_its_own_mask_alone(given, loop):
    variant = MaskedAttention(DIMS, HEADS)
    query, position, level, masks = given

    def bias(image, _, index):
        inside = masks[image, index].sigmoid() >= 0.5
        return torch.where(inside, 0.0, -math.inf) if inside.any() else torch.zeros(15)

    expected = loop(variant.attention, query, position, level, bias)
    torch.testing.assert_close(variant(query, position, level, masks), expected)


def test_smca_adds_its_gaussian(given, loop):
    variant = SMCA(DIMS, HEADS)
    query, position, level, _ = given
    described = variant.norm(query + position)

    def bias(image, head, index):
        o = described[image, index]
        cell = level.strides[0] / 32
        extent = torch.tensor([SIZE[1] * cell, SIZE[0] * cell])
        centre = variant.centre(o).sigmoid() * extent + variant.offset(o)[2 * head : 2 * head + 2]
        scale = variant.scale(o)[2 * head : 2 * head + 2]
        pixels = [
            torch.tensor([(column + 0.5) * cell, (row + 0.5) * cell])
            for row in range(SIZE[0])
            for column in range(SIZE[1])
        ]
        return torch.stack([-(((pixel - centre) * scale) ** 2).sum() / 8 for pixel in pixels])

    expected = loop(variant.attention, query, position, level, bias)
    torch.testing.assert_close(variant(query, position, level, None), expected)


def test_mask_pooling_is_the_mean_inside(given):
    variant = MaskPooling(DIMS, HEADS)
    query, position, level, masks = given
    means = torch.zeros(IMAGES, QUERIES, DIMS)
    for image in range(IMAGES):
        for index in range(QUERIES):
            inside = masks[image, index] >= 0
            pixels = level.source[image][inside] if inside.any() else level.source[image]
            means[image, index] = pixels.mean(dim=0)
    torch.testing.assert_close(variant(query, position, level, masks), variant.output(variant.value(means)))


@pytest.mark.parametrize("design", [CrossAttention, MaskedAttention, SMCA])
def test_attention_map_is_what_the_attention_reads(given, design):
    variant = design(DIMS, HEADS)
    query, position, level, masks = given
    weights = variant.attention.weights(
        query + position, level.source + level.position, variant.bias(query, position, level, masks)
    )
    values = variant.attention.value(level.source).unflatten(2, (HEADS, -1)).transpose(1, 2)
    read = variant.attention.output((weights @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(variant(query, position, level, masks), read)
    shown = variant.attention_map(query, position, level, masks)
    torch.testing.assert_close(shown, weights.mean(dim=1))
    torch.testing.assert_close(shown.sum(dim=2), torch.ones(IMAGES, QUERIES))


def test_smca_measures_every_resolution_alike(given):
    """Read together, each resolution has the Gaussian that it has alone."""
    variant = SMCA(DIMS, HEADS)
    query, position, level, _ = given
    both = Level(level.source, level.position, ((3, 3), (2, 3)), (32, 16))
    bias = variant.bias(query, position, both, None)
    for part, size, stride in ((slice(0, 9), (3, 3), 32), (slice(9, 15), (2, 3), 16)):
        alone = Level(level.source[:, part], level.position[:, part], (size,), (stride,))
        torch.testing.assert_close(bias[..., part], variant.bias(query, position, alone, None))


def test_an_empty_mask_is_foreground_everywhere():
    masks = torch.full((1, 2, 4), -1.0)
    masks[0, 0, 3] = 0.0  # a probability of exactly one half counts as foreground
    assert foreground(masks).tolist() == [[[False, False, False, True], [True] * 4]]
