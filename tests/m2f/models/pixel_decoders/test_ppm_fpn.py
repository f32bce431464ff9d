import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import PyramidPoolingFPN
from m2f.models.pixel_decoders.ppm_fpn import PyramidPooling


def test_pooling_is_means_over_parts():
    torch.manual_seed(0)
    pooling = PyramidPooling(8)
    level = torch.randn(1, 8, 6, 12)
    parts = []
    for stage, number in zip(pooling.stages, (1, 2, 3, 6), strict=True):
        height, width = 6 // number, 12 // number
        means = torch.zeros(1, 8, number, number)
        for row in range(number):
            for column in range(number):
                part = level[:, :, row * height : (row + 1) * height, column * width : (column + 1) * width]
                means[:, :, row, column] = part.mean(dim=(2, 3))
        parts.append(F.interpolate(stage(means).relu(), size=(6, 12), mode="bilinear", align_corners=False))
    expected = F.conv2d(torch.cat([*parts, level], dim=1), pooling.bottleneck.weight, pooling.bottleneck.bias).relu()
    torch.testing.assert_close(pooling(level), expected)


def test_the_pyramid_is_merged_bilinearly():
    torch.manual_seed(0)
    decoder = PyramidPoolingFPN([4, 6, 8, 10], 16, norm_groups=4)
    features = [torch.randn(1, channels, 32 // 2**n, 64 // 2**n) for n, channels in enumerate((4, 6, 8, 10))]
    level = decoder.outputs[3](decoder.pooling(decoder.projection(features[3])))
    levels = [level]
    for number in (2, 1, 0):
        coarser = F.interpolate(level, scale_factor=2, mode="bilinear", align_corners=False)
        level = decoder.outputs[number](decoder.fusions[number].lateral(features[number]) + coarser)
        levels.append(level)
    pyramid, mask_features = decoder(features)
    torch.testing.assert_close(pyramid, levels[:3])
    torch.testing.assert_close(mask_features, decoder.mask_features(levels[3]))
