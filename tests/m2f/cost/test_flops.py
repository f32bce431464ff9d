from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import nn

from m2f.cost.flops import flops, multiply_accumulates, parameters
from m2f.cost.images import Images
from m2f.models.layers import MultiHeadAttention
from m2f.models.pixel_decoders.deformable_convolution import modulated_deformable_convolution
from m2f.models.pixel_decoders.msdeformattn import DeformableAttention
from m2f.registry import MODELS

CONFIGS = Path(__file__).parents[3] / "configs"
SIZE = Images({(832, 1088): 1})
SMALL = Images({(128, 128): 1})
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


@pytest.mark.parametrize(
    ("convolve", "weight"),
    [
        (lambda x, w: F.conv2d(x, w, padding=1), (8, 6, 3, 3)),
        (lambda x, w: F.conv2d(x, w, groups=2, stride=2, padding=1), (8, 3, 3, 3)),
        (lambda x, w: F.conv2d(x, w, groups=6, padding=1), (6, 1, 3, 3)),
        (lambda x, w: F.conv_transpose2d(x, w, groups=2, stride=2), (6, 4, 2, 2)),
    ],
)
@pytest.mark.parametrize("of_input", [True, False])
def test_each_gradient_of_a_convolution_costs_what_it_does(convolve, weight, of_input):
    """Also with groups, where torch's counter takes the weight's gradient for that of a convolution without."""
    image, filters = meta(2, 6, 9, 9).requires_grad_(of_input), meta(*weight).requires_grad_()
    once = multiply_accumulates(lambda: convolve(image, filters))
    step = multiply_accumulates(lambda: convolve(image, filters).sum().backward(), gradients=True)
    assert once > 0
    assert step == (3 if of_input else 2) * once


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
    assert flops(model, SIZE) / 1e9 * TO_PAPER == pytest.approx(paper, abs=0.7)


@pytest.mark.parametrize(
    ("part", "options", "counted"),
    [
        ("pixel_decoder", {"type": "ProScale"}, 163.4),
        ("pixel_decoder", {"type": "ProScale", "pool": False}, 196.7),
        ("pixel_decoder", {"type": "LiteMSDeformAttn"}, 210.5),
        ("pixel_decoder", {"type": "HybridEncoder"}, 198.2),
        ("pixel_decoder", {"type": "PEMPyramid"}, 143.1),
        ("pixel_decoder", {"type": "PyramidPoolingFPN"}, 185.5),
        ("transformer_decoder.cross_attention", {"type": "KMeansAttention"}, 221.1),
        ("transformer_decoder.cross_attention", {"type": "PrototypeAttention"}, 221.4),
        ("transformer_decoder.cross_attention", {"type": "QuerySoftmaxAttention"}, 218.9),
        ("transformer_decoder.cross_attention", {"type": "AnnealedMaskedAttention"}, 213.0),
        ("transformer_decoder.queries", {"type": "SelectedQueries"}, 227.9),
    ],
)
def test_later_designs_cost_what_their_prototypes_did(part, options, counted):
    """Counted on prototypes, before any of them was written here."""
    config = Config.fromfile(CONFIGS / "paper" / "instance.py")
    config.merge_from_dict({f"model.{part}.{key}": value for key, value in options.items()})
    config.model.transformer_decoder.mask_prediction = "dense"
    assert flops(config.model, SIZE) / 1e9 * TO_PAPER == pytest.approx(counted, rel=0.005)


def mini(mask_prediction):
    model = Config.fromfile(CONFIGS / "mini" / "panoptic.py").model
    model.transformer_decoder.mask_prediction = mask_prediction
    return model


def test_masks_where_they_are_needed_cost_less_than_dense_ones():
    assert flops(mini("embedded"), SMALL) < flops(mini("dense"), SMALL)


def test_the_mean_is_over_images_and_counts_masks_at_their_own_size():
    model = mini("dense")
    one, other = (flops(model, Images({size: 1})) for size in ((128, 128), (96, 160)))
    together = flops(model, Images({(128, 128): 2, (96, 160): 1}, restored_pixels=500.0))
    assert together == pytest.approx((2 * one + other) / 3 + 4 * 30 * 500)


def test_masks_of_every_layer_are_counted_if_asked_for():
    """Cross-attention uses the last masks alone; 3 more are the products with the learnable queries and two layers."""
    model = mini("dense")
    model.transformer_decoder.cross_attention.type = "CrossAttention"
    one = 30 * 64 * 32 * 32
    heads = 30 * (3 * 64 * 64 + 64 * 11) + 5 * 30 * 64
    assert flops(model, SMALL, every_layer=True) - flops(model, SMALL) == pytest.approx(3 * (one + heads))


def test_a_semantic_models_answer_is_the_sum_over_masks():
    model = Config.fromfile(CONFIGS / "mini" / "semantic.py").model
    masks = flops({**model, "task": "instance"}, SMALL)
    assert flops(model, SMALL) - masks == 30 * 10 * 128 * 128


@pytest.mark.parametrize("config", ["mini/panoptic", "paper/panoptic"])
def test_parameters_are_those_of_the_model(config):
    model = Config.fromfile(CONFIGS / f"{config}.py").model
    built = MODELS.build(model)
    assert parameters(model) == sum(parameter.numel() for parameter in built.parameters())


@pytest.mark.parametrize("pixel_decoder", ["MSDeformAttn", "TransformerEncoderFPN"])
def test_many_sizes_cost_what_they_cost_one_by_one(pixel_decoder):
    """Counting at three areas loses nothing, also where cells attend to each other."""
    model = mini("dense")
    model.pixel_decoder.type = pixel_decoder
    for option in ("num_points",) if pixel_decoder != "MSDeformAttn" else ():
        del model.pixel_decoder[option]
    sizes = {(96, 128): 1, (128, 96): 3, (160, 160): 2, (224, 96): 1, (320, 256): 1, (64, 64): 2}
    one_by_one = sum(number * flops(model, Images({size: 1})) for size, number in sizes.items())
    assert flops(model, Images(sizes)) * sum(sizes.values()) == pytest.approx(one_by_one, rel=1e-9)
