from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import nn

from m2f.cost.flops import flops, multiply_accumulates
from m2f.models.layers import MultiHeadAttention
from m2f.models.pixel_decoders.deformable_convolution import modulated_deformable_convolution
from m2f.models.pixel_decoders.msdeformattn import DeformableAttention

CONFIGS = Path(__file__).parents[3] / "configs"
SIZE = (832, 1088)
# Mean padded pixels of the paper's 100 images, and of SIZE: costs are linear in them but for a thousandth.
TO_PAPER = 903_803 / (832 * 1088)


def meta(*shape):
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda: F.conv2d(meta(2, 6, 9, 9), meta(8, 3, 3, 3), groups=2, stride=2, padding=1), 2 * 8 * 25 * 3 * 9),
        (lambda: F.linear(meta(5, 7, 3), meta(4, 3), meta(4)), 5 * 7 * 3 * 4),
        (lambda: torch.einsum("bqd,bdhw->bqhw", meta(2, 3, 4), meta(2, 4, 5, 6)), 2 * 3 * 4 * 30),
        (lambda: nn.BatchNorm2d(3, device="meta").eval()(meta(2, 3, 4, 5)), 2 * 120),
        (lambda: nn.GroupNorm(1, 3, device="meta")(meta(2, 3, 4, 5)), 5 * 120),
        (lambda: nn.LayerNorm(5, device="meta")(meta(2, 3, 4, 5)), 5 * 120),
        (lambda: F.interpolate(meta(1, 2, 3, 4), size=(6, 7), mode="bilinear"), 4 * 84),
        (lambda: F.relu(meta(3, 4)) + meta(3, 4).softmax(dim=1), 0),
    ],
)
def test_operators_cost_what_fvcore_says(run, expected):
    assert multiply_accumulates(run) == expected


def test_attention_costs_four_projections_and_two_products():
    attention = MultiHeadAttention(16, 4).to("meta").eval()
    queries, keys = meta(2, 5, 16), meta(2, 7, 16)
    expected = 2 * (2 * 5 * 16 * 16 + 2 * 7 * 16 * 16 + 2 * 5 * 7 * 16)
    assert multiply_accumulates(lambda: attention(queries, keys, keys)) == expected


def test_deformable_attention_costs_its_projections_alone():
    attention = DeformableAttention(16, num_heads=2, num_levels=2, num_points=4).to("meta").eval()
    sizes = [(2, 3), (4, 6)]
    tokens = 6 + 24
    source, reference = meta(1, tokens, 16), meta(tokens, 2)
    expected = tokens * 16 * (16 + 16 + 2 * 2 * 4 * 3)
    assert multiply_accumulates(lambda: attention(source, source, reference, sizes)) == expected


def test_a_deformable_convolution_costs_what_a_convolution_costs():
    arguments = [meta(2, 4, 5, 6), meta(2, 2, 9, 2, 5, 6), meta(2, 2, 9, 5, 6), meta(3, 4, 3, 3), meta(3)]
    assert multiply_accumulates(lambda: modulated_deformable_convolution(*arguments)) == 2 * 3 * 4 * 9 * 30


@pytest.mark.parametrize(
    ("pixel_decoder", "paper"),
    [("MSDeformAttn", 226), ("TransformerEncoderFPN", 195), ("SemanticFPN", 258), ("BiFPN", 204)],
)
def test_pixel_decoders_cost_what_table_4e_says(pixel_decoder, paper):
    model = Config.fromfile(CONFIGS / "paper" / "panoptic.py").model
    model.pixel_decoder.type = pixel_decoder
    model.transformer_decoder.mask_prediction = "dense"
    assert flops(model, SIZE) / 1e9 * TO_PAPER == pytest.approx(paper, abs=0.6)


def test_masks_where_they_are_needed_cost_less_than_dense_ones():
    model = Config.fromfile(CONFIGS / "mini" / "panoptic.py").model
    embedded = flops(model, (128, 128))
    model.transformer_decoder.mask_prediction = "dense"
    assert embedded < flops(model, (128, 128))
