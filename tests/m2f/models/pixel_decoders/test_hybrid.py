import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import HybridEncoder
from m2f.models.pixel_decoders.hybrid import CrossStage


def convolved(module, level, activation=F.silu, **options):
    """A convolution, a group norm of 4 groups and an activation, from their weights."""
    result = F.conv2d(level, module.conv.weight, **options)
    result = F.group_norm(result, 4, module.gn.weight, module.gn.bias)
    return activation(result) if activation else result


def test_a_stage_is_its_picture():
    torch.manual_seed(0)
    stage = CrossStage(8, 2, {"type": "GN", "num_groups": 4})
    one, other = torch.randn(2, 1, 8, 3, 5)
    both = torch.cat([one, other], dim=1)
    deep = convolved(stage.deep, both)
    for block in stage.blocks:
        wide = convolved(block.wide, deep, None, padding=1)
        deep = F.silu(wide + convolved(block.narrow, deep, None))
    torch.testing.assert_close(stage(one, other), deep + convolved(stage.shallow, both), rtol=1e-4, atol=1e-5)


def test_down_and_up_again():
    torch.manual_seed(0)
    decoder = HybridEncoder([4, 6, 8, 10], 16, 1, 2, 32, norm_groups=4).eval()
    features = [torch.randn(1, channels, 32 // 2**n, 64 // 2**n) for n, channels in enumerate((4, 6, 8, 10))]
    p8, p16, p32 = (convolved(own, f, None) for own, f in zip(decoder.projections, features[1:], strict=True))
    p32 = decoder.encode(p32)

    def doubled(level):
        return level.repeat_interleave(2, 2).repeat_interleave(2, 3)

    l32 = convolved(decoder.laterals[0], p32)
    l16 = convolved(decoder.laterals[1], decoder.down[0](doubled(l32), p16))
    n8 = decoder.down[1](doubled(l16), p8)
    n16 = decoder.up[0](convolved(decoder.halvings[0], n8, stride=2, padding=1), l16)
    n32 = decoder.up[1](convolved(decoder.halvings[1], n16, stride=2, padding=1), l32)
    pyramid, mask_features = decoder(features)
    torch.testing.assert_close(pyramid, [n32, n16, n8], rtol=1e-4, atol=1e-5)
    merged = convolved(decoder.lateral, features[0], None) + F.interpolate(n8, scale_factor=2, mode="bilinear")
    expected = decoder.mask_features(convolved(decoder.output, merged, F.relu, padding=1))
    torch.testing.assert_close(mask_features, expected, rtol=1e-4, atol=1e-5)


def test_one_dense_layer_with_gelu_on_the_coarsest():
    torch.manual_seed(0)
    decoder = HybridEncoder([4, 6, 8, 10], 16, 1, 2, 32, norm_groups=4).eval()
    level = torch.randn(1, 16, 2, 3)
    tokens = level.flatten(2).transpose(1, 2)
    position = decoder.position_encoding(torch.zeros(1, 2, 3, dtype=torch.bool)).flatten(2).transpose(1, 2)
    layer = decoder.encoder
    attended = F.layer_norm(tokens + layer.attention(tokens + position, tokens + position, tokens), (16,))
    wide, _, _, narrow = layer.feedforward
    expected = F.layer_norm(attended + narrow(F.gelu(wide(attended))), (16,))
    torch.testing.assert_close(decoder.encode(level).flatten(2).transpose(1, 2), expected)
