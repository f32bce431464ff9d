import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from m2f.models.pixel_decoders.bifpn import BiFPNLayer, Fusion


@given(raw=st.lists(st.floats(-2, 2), min_size=2, max_size=3))
def test_fusion_weights_by_the_formula(raw):
    """Each cell by a loop: sum of max(w, 0) x value, divided by the sum of max(w, 0) plus 0.0001."""
    fusion = Fusion(len(raw), 4, norm_groups=1)
    fusion.weights.data = torch.tensor(raw)
    maps = [torch.randn(1, 4, 1, 2) for _ in raw]
    fused = fusion.fuse(maps)
    for channel in range(4):
        for column in range(2):
            weighted, total = 0.0, 0.0001
            for weight, values in zip(raw, maps, strict=True):
                weighted += max(weight, 0.0) * values[0, channel, 0, column].item()
                total += max(weight, 0.0)
            assert fused[0, channel, 0, column].item() == pytest.approx(weighted / total, rel=1e-4, abs=1e-5)


def test_a_fusion_ends_in_swish_a_separable_convolution_and_a_norm():
    torch.manual_seed(0)
    fusion = Fusion(2, 8, norm_groups=2)
    maps = [torch.randn(1, 8, 3, 4) for _ in range(2)]
    fused = sum(maps) / (2 + 1e-4)
    activated = fused * torch.sigmoid(fused)
    depthwise, pointwise = fusion.convolution.depthwise_conv.conv, fusion.convolution.pointwise_conv.conv
    planes = [
        F.conv2d(activated[:, channel : channel + 1], depthwise.weight[channel : channel + 1], padding=1)
        for channel in range(8)
    ]
    mixed = torch.einsum("bchw,dc->bdhw", torch.cat(planes, dim=1), pointwise.weight[:, :, 0, 0])
    torch.testing.assert_close(fusion(maps), F.group_norm(mixed, 2), rtol=1e-4, atol=1e-5)


def test_a_layer_goes_down_and_up_by_hand():
    """Four levels written out after figure 2d of EfficientDet's paper."""
    torch.manual_seed(0)
    layer = BiFPNLayer(4, 8, norm_groups=2)
    for fusion in [*layer.top_down, *layer.bottom_up]:
        torch.nn.init.uniform_(fusion.weights, 0.2, 2.0)
    p2, p3, p4, p5 = (torch.randn(1, 8, 3 * scale, 2 * scale) for scale in (8, 4, 2, 1))

    def up(level):
        return level.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def down(level):
        padded = F.pad(level, (1, 1, 1, 1), value=-torch.inf)
        return padded.unfold(2, 3, 2).unfold(3, 3, 2).amax(dim=(4, 5))

    d4 = layer.top_down[2]([p4, up(p5)])
    d3 = layer.top_down[1]([p3, up(d4)])
    out2 = layer.top_down[0]([p2, up(d3)])
    out3 = layer.bottom_up[0]([p3, d3, down(out2)])
    out4 = layer.bottom_up[1]([p4, d4, down(out3)])
    out5 = layer.bottom_up[2]([p5, down(out4)])
    torch.testing.assert_close(layer([p2, p3, p4, p5]), [out2, out3, out4, out5])
