import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import PEMPyramid
from m2f.models.pixel_decoders.deformable_convolution import modulated_deformable_convolution
from m2f.models.pixel_decoders.pem import DeformableStep, SelfModulation


def test_modulation_is_its_formula():
    modulation = SelfModulation(8)
    level = torch.randn(2, 8, 3, 5)
    first, second = modulation.importance[0].weight[:, :, 0, 0], modulation.importance[3].weight[:, :, 0, 0]
    for image in range(2):
        hidden = first @ level[image].mean(dim=(1, 2))
        hidden = ((hidden - hidden.mean()) / (hidden.var(unbiased=False) + 1e-5).sqrt()).relu()
        weight = 1 / (1 + (-(second @ hidden)).exp())
        expected = level[image] * (1 + weight[:, None, None])
        torch.testing.assert_close(modulation(level)[image], expected)


def test_a_step_convolves_and_doubles():
    """While nothing is moved, as a 3x3 convolution of which a half counts."""
    torch.manual_seed(0)
    step = DeformableStep(8, norm_groups=2)
    torch.nn.init.zeros_(step.steering.weight)
    torch.nn.init.zeros_(step.steering.bias)
    torch.nn.init.zeros_(step.convolution.bias)
    level = torch.randn(1, 8, 3, 5)
    convolved = F.conv2d(level, step.convolution.weight, padding=1) / 2
    output, upsampled = step(level)
    torch.testing.assert_close(output, F.group_norm(convolved, 2).relu(), rtol=1e-4, atol=1e-5)
    kernel = step.upsampling[0].weight
    doubled = torch.zeros(1, 8, 8, 12)
    for row in range(3):
        for column in range(5):
            spread = torch.einsum("bc,cdij->bdij", output[:, :, row, column], kernel)
            doubled[:, :, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += spread
    expected = F.group_norm(doubled[:, :, 1:-1, 1:-1], 2).relu()
    torch.testing.assert_close(upsampled, expected, rtol=1e-4, atol=1e-4)


def test_steering_gives_offsets_and_masks():
    step = DeformableStep(8, norm_groups=2)
    level = torch.randn(1, 8, 3, 5)
    steering = step.steering(level)
    offsets = torch.stack([torch.stack([steering[:, 3 * tap + axis] for axis in (0, 1)], 1) for tap in range(9)], 1)
    masks = torch.stack([steering[:, 3 * tap + 2].sigmoid() for tap in range(9)], 1)
    convolved = modulated_deformable_convolution(
        level, offsets[:, None], masks[:, None], step.convolution.weight, step.convolution.bias
    )
    torch.testing.assert_close(step(level)[0], F.group_norm(convolved, 2).relu())


def test_levels_are_merged_from_coarse_to_fine():
    torch.manual_seed(0)
    decoder = PEMPyramid([4, 6, 8, 10], 16, norm_groups=4)
    features = [torch.randn(1, channels, 32 // 2**n, 48 // 2**n) for n, channels in enumerate((4, 6, 8, 10))]
    f4, f8, f16, f32 = (
        modulation(lateral(feature))
        for modulation, lateral, feature in zip(decoder.modulations, decoder.laterals, features, strict=True)
    )
    whole = decoder.whole(features[3].mean(dim=(2, 3), keepdim=True))
    x32, up = decoder.steps[0](f32 + whole)
    x16, up = decoder.steps[1](f16 + up)
    x8, up = decoder.steps[2](f8 + up)
    pyramid, mask_features = decoder(features)
    torch.testing.assert_close(pyramid, [x32, x16, x8])
    torch.testing.assert_close(mask_features, decoder.mask_features(f4 + up))
    assert (mask_features >= 0).all()


def test_it_may_be_narrower_than_what_it_gives():
    decoder = PEMPyramid([4, 6, 8, 10], 16, norm_groups=4, narrowing=2)
    assert decoder.steps[0].convolution.weight.shape == (8, 8, 3, 3)
    features = [torch.randn(1, channels, 32 // 2**n, 48 // 2**n) for n, channels in enumerate((4, 6, 8, 10))]
    pyramid, mask_features = decoder(features)
    assert [level.shape[1] for level in (*pyramid, mask_features)] == [16] * 4
