import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import LiteMSDeformAttn, MSDeformAttn
from m2f.models.pixel_decoders.lite import CoarseLayer

SIZES = [(2, 3), (4, 6), (8, 12)]
TOKENS = 6 + 24 + 96


def test_a_coarse_layer_updates_the_coarse_levels_from_all():
    """Beside a layer for all levels with the same weights, of whose output the coarse part is the same."""
    torch.manual_seed(0)
    layer = CoarseLayer(16, 2, 3, 4, 32)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    source, position, reference = torch.randn(2, TOKENS, 16), torch.randn(1, TOKENS, 16), torch.rand(TOKENS, 2)
    attended = layer.attention(source + position, source, reference, SIZES)
    expected = F.layer_norm(source + attended, (16,), layer.norms[0].weight, layer.norms[0].bias)
    expected = F.layer_norm(expected + layer.feedforward(expected), (16,), layer.norms[1].weight, layer.norms[1].bias)
    result = layer(source, position, reference, SIZES)
    torch.testing.assert_close(result[:, :30], expected[:, :30])
    assert torch.equal(result[:, 30:], source[:, 30:])


def test_blocks_end_with_a_layer_for_all_levels():
    decoder = LiteMSDeformAttn([4, 6, 8, 10], 16, 6, 2, 2, 4, 32, norm_groups=4)
    assert [type(layer) is CoarseLayer for layer in decoder.layers] == [True, True, False] * 3


def test_it_has_the_weights_of_as_many_layers():
    lite = LiteMSDeformAttn([4, 6, 8, 10], 16, 4, 1, 2, 4, 32, norm_groups=4)
    usual = MSDeformAttn([4, 6, 8, 10], 16, 4, 2, 4, 32, norm_groups=4)
    assert [(name, own.shape) for name, own in lite.named_parameters()] == [
        (name, own.shape) for name, own in usual.named_parameters()
    ]
