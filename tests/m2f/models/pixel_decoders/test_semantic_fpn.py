import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import SemanticFPN


def decoder():
    torch.manual_seed(0)
    built = SemanticFPN([3, 5, 7, 9], 16, num_layers=1, num_heads=4, feedforward_dims=24, norm_groups=4)
    for module in built.modules():
        if isinstance(module, torch.nn.GroupNorm):  # not at their initial one and zero, so that they count
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    return built


def test_the_branch_by_hand():
    """Three, two and one steps with upsampling from 1/32, 1/16 and 1/8, and one without at 1/4, summed."""
    semantic = decoder()
    levels = [torch.randn(2, 16, 2 * scale, 3 * scale) for scale in (1, 2, 4, 8)]

    def step(module, feature):
        convolved = F.conv2d(feature, module.conv.weight, padding=1)
        return F.group_norm(convolved, 4, module.norm.weight, module.norm.bias).relu()

    def doubled(feature):
        return F.interpolate(feature, scale_factor=2, mode="bilinear", align_corners=False)

    from_32, from_16, from_8, from_4 = semantic.branches
    a = levels[0]
    for module in from_32:
        a = doubled(step(module, a))
    b = doubled(step(from_16[1], doubled(step(from_16[0], levels[1]))))
    c = doubled(step(from_8[0], levels[2]))
    d = step(from_4[0], levels[3])
    assert [len(branch) for branch in semantic.branches] == [3, 2, 1, 1]
    torch.testing.assert_close(semantic.semantic_sum(levels), a + b + c + d)


def test_mask_features_come_from_the_sum_and_the_pyramid_does_not():
    semantic = decoder()
    features = [
        torch.randn(1, channels, size, size) for channels, size in zip([3, 5, 7, 9], [16, 8, 4, 2], strict=True)
    ]
    pyramid, mask_features = semantic(features)
    levels = semantic.top_down(features)
    torch.testing.assert_close(pyramid, levels[:3])
    torch.testing.assert_close(mask_features, semantic.mask_features(semantic.semantic_sum(levels)))
