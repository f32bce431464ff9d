import math

import pytest
import torch

from m2f.models.layers import FeedForward, MultiHeadAttention
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
