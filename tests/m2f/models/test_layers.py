import math

import pytest
import torch

from m2f.models import layers
from m2f.models.layers import FeedForward, Linear, MultiHeadAttention
from m2f.models.pixel_decoders import FPN, MSDeformAttn
from m2f.models.transformer_decoder import SMCA


def bound(weight):
    return float(weight.detach().abs().max())


def test_attention_starts_like_torchs_fused_projection():
    """torch.nn.MultiheadAttention fills [3D, D] at once; so does the reference, which then fills the output alike."""
    torch.manual_seed(0)
    ours, theirs = MultiHeadAttention(256, 8), torch.nn.MultiheadAttention(256, 8)
    for projection in (ours.query, ours.key, ours.value):
        assert bound(projection.weight) == pytest.approx(bound(theirs.in_proj_weight), rel=0.01)
        assert not projection.bias.any()
    assert bound(ours.output.weight) == pytest.approx(math.sqrt(6 / 512), rel=0.01)
    assert not ours.output.bias.any()


def test_feedforward_starts_xavier_uniform():
    network = FeedForward(64, 256, dropout=0.0)
    for layer in (network[0], network[3]):
        assert bound(layer.weight) == pytest.approx(math.sqrt(6 / 320), rel=0.01)


def test_every_gaussian_starts_at_scale_one():
    smca = SMCA(16, 2)
    torch.testing.assert_close(smca.scale(torch.randn(3, 16)), torch.ones(3, 4))


@pytest.mark.parametrize("build", [FPN, MSDeformAttn])
def test_convolutions_start_as_detectron2s(build):
    """c2_xavier_fill: uniform with variance 1 / fan in, zero bias."""
    decoder = build([16, 32, 64, 128], 32, norm_groups=8)
    weight = decoder.mask_features.weight
    assert bound(weight) == pytest.approx(math.sqrt(3 / weight[0].numel()), rel=0.02)
    assert not decoder.mask_features.bias.any()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("images", [1, 16])
def test_linear_is_torchs_whoever_computes_it(images, threads):
    """Large enough to be a convolution; forward and backward, with tokens laid out in either way."""
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ours = Linear(64, 256)
        for tokens in (torch.randn(images, 1200, 64), torch.randn(images, 64, 1200).transpose(1, 2)):
            assert ours.worth_a_convolution(tokens)
            inputs = [tokens.clone().requires_grad_() for _ in range(2)]
            outputs = [ours(inputs[0]), torch.nn.functional.linear(inputs[1], ours.weight, ours.bias)]
            torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-5, atol=1e-5)
            incoming = torch.randn_like(outputs[0])
            gradients = [
                torch.autograd.grad(output, (given, ours.weight, ours.bias), incoming)
                for output, given in zip(outputs, inputs, strict=True)
            ]
            for own, torchs in zip(*gradients, strict=True):
                torch.testing.assert_close(own, torchs, rtol=1e-4, atol=1e-3)
    finally:
        torch.set_num_threads(before)


def test_small_products_and_other_precisions_stay_torchs():
    linear = Linear(8, 8)
    assert not linear.worth_a_convolution(torch.randn(1, 100, 8))
    with torch.autocast("cpu", torch.bfloat16):
        assert not linear.worth_a_convolution(torch.randn(1, 1_000_000, 8))


def test_feedforward_of_many_tokens_goes_in_parts_and_changes_nothing(monkeypatch):
    torch.manual_seed(0)
    network = FeedForward(16, 32, dropout=0.0)
    tokens, incoming = torch.randn(2, 50, 16), torch.randn(2, 50, 16)
    results = []
    for at_once in (2**20, 2 * 32 * 7):
        monkeypatch.setattr(layers, "HIDDEN_AT_ONCE", at_once)
        given = tokens.clone().requires_grad_()
        output = network(given)
        gradients = torch.autograd.grad(output, (given, *network.parameters()), incoming)
        results.append((output, *gradients))
    assert "Cat" in type(output.grad_fn).__name__
    for whole, parts in zip(*results, strict=True):
        torch.testing.assert_close(whole, parts)
