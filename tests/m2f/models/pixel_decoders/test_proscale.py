import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import ProScale

CHANNELS = [4, 6, 8, 10]


def built(**options):
    torch.manual_seed(0)
    decoder = ProScale(CHANNELS, 16, 4, 2, 4, 32, norm_groups=4, **options).eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return decoder


def backbone_features():
    torch.manual_seed(1)
    return [
        torch.randn(2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    ]


def test_levels_enter_one_after_the_other():
    decoder, features = built(), backbone_features()
    levels = [decoder.projections[number](features[3 - number]) for number in range(3)]  # coarse to fine
    sizes, tokens = [], torch.zeros(2, 0, 16)
    for number, level in enumerate(levels):
        if number < 2:
            small = F.interpolate(levels[2], size=level.shape[2:], mode="bilinear", align_corners=False)
            weight, bias = decoder.importance.weight[0], decoder.importance.bias
            level = level * torch.sigmoid(0.1 * ((small * weight[:, None, None]).sum(1, keepdim=True) + bias))
        sizes.append(tuple(level.shape[2:]))
        tokens = torch.cat([tokens, level.flatten(2).transpose(1, 2)], dim=1)
        positions, centres = [], []
        for place, (height, width) in enumerate(sizes):
            sine = decoder.position_encoding(torch.zeros(1, height, width, dtype=torch.bool))
            positions.append(sine.flatten(2).transpose(1, 2) + decoder.level_embedding[place])
            for row in range(height):
                centres += [[(column + 0.5) / width, (row + 0.5) / height] for column in range(width)]
        assert len(decoder.stages[number]) == 2
        for layer in decoder.stages[number]:
            assert layer.attention.samples[1] == number + 1
            tokens = layer(tokens, torch.cat(positions, dim=1), torch.tensor(centres), sizes)
    pyramid, _ = decoder(features)
    start = 0
    for output, (height, width) in zip(pyramid, sizes, strict=True):
        expected = tokens[:, start : start + height * width].transpose(1, 2).reshape(2, 16, height, width)
        torch.testing.assert_close(output, expected)
        start += height * width


def test_the_output_at_one_quarter_is_pooled():
    decoder, features = built(), backbone_features()
    pyramid, mask_features = decoder(features)
    lateral = decoder.lateral(features[0])
    merged = lateral + F.interpolate(pyramid[2], size=lateral.shape[2:], mode="bilinear", align_corners=False)
    padded = F.pad(merged, (1, 1, 1, 1), value=-torch.inf)
    pooled = padded.unfold(2, 3, 1).unfold(3, 3, 1).amax(dim=(4, 5))
    norm = decoder.output[1]
    expected = decoder.mask_features(F.group_norm(pooled, 4, norm.weight, norm.bias).relu())
    torch.testing.assert_close(mask_features, expected)


def test_or_convolved():
    with_pool, without = built(), built(pool=False)
    parameters = [sum(own.numel() for own in decoder.parameters()) for decoder in (with_pool, without)]
    assert parameters[1] - parameters[0] == 9 * 16 * 16
    assert without(backbone_features())[1].shape == (2, 16, 16, 24)
