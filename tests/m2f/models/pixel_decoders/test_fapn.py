import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import FPN, FaPN
from m2f.models.pixel_decoders.fapn import AlignedSum, FeatureAlignment, FeatureSelection


def test_alignment_starts_as_half_a_plain_convolution():
    """No tap is moved at first, and every tap's weight is sigmoid(0)."""
    torch.manual_seed(0)
    alignment = FeatureAlignment(16)
    selected, coarser = torch.randn(2, 16, 5, 7), torch.randn(2, 16, 5, 7)
    expected = F.conv2d(coarser, alignment.convolution.weight, padding=1).relu() / 2
    torch.testing.assert_close(alignment(selected, coarser), expected, rtol=1e-4, atol=1e-5)


def test_alignment_without_offsets_and_with_full_masks_is_the_identity():
    """A unit tap at the centre then reads every cell where it is; inputs are positive for the ReLU."""
    alignment = FeatureAlignment(16)
    torch.nn.init.dirac_(alignment.convolution.weight)
    alignment.steering.bias.data.view(-1, 3)[:, 2] = 100.0
    coarser = torch.rand(2, 16, 5, 7)
    torch.testing.assert_close(alignment(torch.randn(2, 16, 5, 7), coarser), coarser, rtol=1e-4, atol=1e-5)


def test_alignment_undoes_a_shift_that_the_offsets_name():
    """Bias (1, 2) on the offsets of every tap reads one row below and two columns to the right."""
    alignment = FeatureAlignment(16)
    torch.nn.init.dirac_(alignment.convolution.weight)
    alignment.steering.bias.data.view(-1, 3)[:] = torch.tensor([1.0, 2.0, 100.0])
    aligned = torch.rand(1, 16, 6, 8)
    shifted = aligned.roll((1, 2), dims=(2, 3))
    result = alignment(aligned, shifted)
    torch.testing.assert_close(result[:, :, :-1, :-2], aligned[:, :, :-1, :-2], rtol=1e-4, atol=1e-5)


def test_channels_share_offsets_in_eight_groups_or_fewer():
    assert [FeatureAlignment(dims).groups for dims in (256, 64, 12)] == [8, 8, 4]


def test_selection_by_a_loop_over_channels():
    torch.manual_seed(0)
    selection = FeatureSelection(5, 8, norm_groups=2)
    torch.nn.init.normal_(selection.importance.bias)
    feature = torch.randn(1, 5, 3, 4)
    means = [feature[0, channel].mean() for channel in range(5)]
    strengthened = feature.clone()
    for channel in range(5):
        logit = selection.importance.bias[channel]
        logit = logit + sum(selection.importance.weight[channel, other, 0, 0] * means[other] for other in range(5))
        strengthened[0, channel] *= 1 + 1 / (1 + torch.exp(-logit))
    expected = F.group_norm(F.conv2d(strengthened, selection.reduction.conv.weight), 2)
    torch.testing.assert_close(selection(feature), expected)


def test_the_coarser_level_is_upsampled_bilinearly_before_it_is_aligned():
    torch.manual_seed(0)
    fusion = AlignedSum(5, 16, norm_groups=4)
    torch.nn.init.dirac_(fusion.alignment.convolution.weight)
    fusion.alignment.steering.bias.data.view(-1, 3)[:, 2] = 100.0
    feature, coarser = torch.randn(1, 5, 6, 8), torch.rand(1, 16, 3, 4)
    upsampled = F.interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=False)
    expected = fusion.selection(feature) + upsampled
    torch.testing.assert_close(fusion(feature, coarser), expected, rtol=1e-4, atol=1e-4)


def test_differs_from_an_fpn_in_the_fusions_and_the_coarsest_convolution():
    shapes = [
        {name: weight.shape for name, weight in build([3, 5, 7, 9], 16, 4).named_parameters() if "fusions" not in name}
        for build in (FaPN, FPN)
    ]
    assert shapes[0].keys() == shapes[1].keys()
    differing = [name for name, shape in shapes[0].items() if shape != shapes[1][name]]
    assert differing == ["outputs.3.conv.weight"]
    assert shapes[0]["outputs.3.conv.weight"] == (16, 9, 1, 1)
