import math

import pytest
import torch

from m2f.models.transformer_decoder import MaskBoxAttention
from m2f.models.transformer_decoder.cross_attention import Level
from m2f.models.transformer_decoder.mask_box_attention import mask_boxes

SIZES, DIMS, HEADS = ((2, 3), (4, 6)), 8, 2


@pytest.fixture
def read():
    torch.manual_seed(0)
    level = Level(torch.randn(2, 30, DIMS), torch.randn(1, 30, DIMS), SIZES, (32, 16))
    masks = torch.full((2, 3, 30), -1.0)
    masks[0, 0, 6 + 2 * 6 + 1] = masks[0, 0, 6 + 3 * 6 + 4] = 1.0  # rows 2 and 3, columns 1 and 4 of the finest
    masks[0, 1, :6] = 1.0  # the coarse one alone: no box
    masks[0, 2, 6:] = 1.0
    masks[1, :, 6:] = torch.randn(3, 24)
    return torch.randn(2, 3, DIMS), torch.randn(1, 3, DIMS), level, masks


def test_boxes_are_those_of_the_finest_masks(read):
    *_, level, masks = read
    centre, size = mask_boxes(masks, level)
    assert centre[0].tolist() == [[0.5, 0.75], [0.5, 0.5], [0.5, 0.5]]
    torch.testing.assert_close(size[0], torch.tensor([[4 / 6, 2 / 4], [1, 1], [1, 1]]))


def bilinear(image, x, y):
    """Value of ``image [h, w, d]`` at (x, y) in [0, 1]; outside lies zero."""
    height, width, _ = image.shape
    x, y = float(x) * width - 0.5, float(y) * height - 0.5
    total = torch.zeros(image.shape[2])
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < height and 0 <= column < width:
                total = total + (1 - abs(y - row)) * (1 - abs(x - column)) * image[row, column]
    return total


@torch.no_grad()
def test_it_reads_samples_around_the_box(read):
    query, position, level, masks = read
    variant = MaskBoxAttention(DIMS, HEADS, num_levels=2, num_points=3)
    for linear in (variant.attention.offsets, variant.attention.weights):
        torch.nn.init.normal_(linear.weight, std=0.3)
    centre, size = mask_boxes(masks, level)
    offsets = variant.attention.offsets(query + position).view(2, 3, HEADS, 2, 3, 2)
    shares = variant.attention.weights(query + position).view(2, 3, HEADS, 6).softmax(dim=3).view(2, 3, HEADS, 2, 3)
    values = variant.attention.value(level.source)
    expected = torch.zeros(2, 3, DIMS)
    for image in range(2):
        maps = [values[image, :6].view(2, 3, DIMS), values[image, 6:].view(4, 6, DIMS)]
        for index in range(3):
            for head in range(HEADS):
                part = slice(4 * head, 4 * head + 4)
                for number, map_ in enumerate(maps):
                    for point in range(3):
                        place = centre[image, index] + offsets[image, index, head, number, point] / 3 * (
                            size[image, index] / 2
                        )
                        sample = bilinear(map_[..., part], *place)
                        expected[image, index, part] += shares[image, index, head, number, point] * sample
    expected = variant.attention.output(expected)
    torch.testing.assert_close(variant(query, position, level, masks), expected, rtol=1e-4, atol=1e-5)


def test_heads_look_in_directions_of_their_own_at_first(read):
    query, position, *_ = read
    offsets = MaskBoxAttention(DIMS, HEADS, num_levels=2).attention.offsets(query + position)
    one, other = offsets.view(2, 3, HEADS, -1, 2).unbind(2)
    assert not one.isclose(other).all(dim=3).any()


def test_it_must_know_how_many_resolutions_it_reads(read):
    with pytest.raises(ValueError, match="num_levels is 3, but a layer reads 2"):
        MaskBoxAttention(DIMS, HEADS)(*read)
