import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from m2f.cost.gpu_rules import GpuRules
from m2f.cost.live_bytes import LiveBytes
from m2f.models.pixel_decoders.deformable_convolution import TAPS, modulated_deformable_convolution


def inputs(seed, groups=2, height=4, width=5):
    torch.manual_seed(seed)
    feature = torch.randn(2, 3 * groups, height, width)
    offsets = torch.randn(2, groups, TAPS, 2, height, width) * 2  # some taps lie outside
    masks = torch.rand(2, groups, TAPS, height, width)
    return feature, offsets, masks, torch.randn(7, 3 * groups, 3, 3), torch.randn(7)


def bilinear(plane, y, x):
    """The value at (y, x) of a list of rows, zero outside."""
    top, left = math.floor(y), math.floor(x)
    value = 0.0
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < len(plane) and 0 <= column < len(plane[0]):
                value += plane[row][column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return value


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), groups=st.sampled_from([1, 2, 3]), height=st.integers(1, 6), width=st.integers(1, 6))
def test_no_offset_and_full_masks_are_a_plain_convolution(seed, groups, height, width):
    feature, offsets, masks, weight, bias = inputs(seed, groups, height, width)
    result = modulated_deformable_convolution(feature, torch.zeros_like(offsets), torch.ones_like(masks), weight, bias)
    torch.testing.assert_close(result, F.conv2d(feature, weight, bias, padding=1), rtol=1e-4, atol=1e-4)


def test_equals_a_loop_over_cells_taps_and_channels():
    feature, offsets, masks, weight, bias = inputs(0)
    result = modulated_deformable_convolution(feature, offsets, masks, weight, bias)
    group_of = [channel // 3 for channel in range(6)]
    expected = bias[None, :, None, None].repeat(2, 1, 4, 5)
    for image in range(2):
        planes = feature[image].tolist()
        for row in range(4):
            for column in range(5):
                for tap in range(TAPS):
                    for channel, group in enumerate(group_of):
                        move_y, move_x = offsets[image, group, tap, :, row, column].tolist()
                        y, x = row + tap // 3 - 1 + move_y, column + tap % 3 - 1 + move_x
                        sample = bilinear(planes[channel], y, x) * masks[image, group, tap, row, column]
                        expected[image, :, row, column] += sample * weight[:, channel, tap // 3, tap % 3]
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_a_tap_that_moves_one_cell_reads_the_neighbour():
    """The sign and order of offsets: (y, x), down and right positive."""
    feature = torch.arange(20.0).view(1, 1, 4, 5).expand(1, 3, 4, 5)
    weight = torch.zeros(1, 3, 3, 3)
    weight[0, 0, 1, 1] = 1.0
    offsets = torch.zeros(1, 1, TAPS, 2, 4, 5)
    offsets[:, :, 4, 0], offsets[:, :, 4, 1] = 1.0, 2.0
    result = modulated_deformable_convolution(feature, offsets, torch.ones(1, 1, TAPS, 4, 5), weight, torch.zeros(1))
    assert result[0, 0, 0].tolist() == [7.0, 8.0, 9.0, 0.0, 0.0]


def test_half_precision_places_are_sampled_in_float32():
    feature, offsets, masks, weight, bias = inputs(0)
    exact = modulated_deformable_convolution(feature, offsets.half().float(), masks.half().float(), weight, bias)
    halves = modulated_deformable_convolution(feature, offsets.half(), masks.half(), weight, bias)
    assert torch.equal(exact, halves)


def test_gradients_equal_those_of_grid_sampling():
    """One tap at its own place, moved and weighted: a grid sample times a weight."""
    feature, offsets, masks, *_ = inputs(0, groups=1)
    weight = torch.zeros(7, 3, 3, 3)
    weight[:, :, 1, 1] = torch.randn(7, 3)
    leaves = [tensor.requires_grad_() for tensor in (feature, offsets, masks)]
    rows, columns = torch.arange(4.0)[:, None], torch.arange(5.0)
    y, x = offsets[:, 0, 4, 0] + rows, offsets[:, 0, 4, 1] + columns
    grid = torch.stack([(2 * x + 1) / 5 - 1, (2 * y + 1) / 4 - 1], dim=-1)
    samples = F.grid_sample(feature, grid, align_corners=False) * masks[:, :, 4]
    expected = torch.einsum("dc,bchw->bdhw", weight[:, :, 1, 1], samples)
    upstream = torch.randn_like(expected)
    ours = modulated_deformable_convolution(feature, offsets, masks, weight, torch.zeros(7))
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    for mine, other in zip(
        torch.autograd.grad(ours, leaves, upstream), torch.autograd.grad(expected, leaves, upstream), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_stays_in_it(dtype):
    exact = modulated_deformable_convolution(*inputs(0))
    halves = modulated_deformable_convolution(*(tensor.to(dtype) for tensor in inputs(0)))
    assert halves.dtype == dtype
    torch.testing.assert_close(halves.float(), exact, rtol=0, atol=0.02 * float(exact.abs().max()))


@pytest.mark.parametrize(("mixed_precision", "bytes_a_sample"), [(False, 4), (True, 2)])
def test_nine_samples_of_each_cell_are_kept(mixed_precision, bytes_a_sample):
    channels, cells = 64, 40 * 50
    leaves = [
        torch.empty(shape, device="meta").requires_grad_()
        for shape in ((1, channels, 40, 50), (1, 1, TAPS, 2, 40, 50), (1, 1, TAPS, 40, 50), (8, channels, 3, 3), (8,))
    ]
    with LiveBytes() as live, GpuRules(mixed_precision, {}):
        result = modulated_deformable_convolution(*leaves)
        kept = live.alive.total()
    assert result.dtype == torch.float32
    samples, feature = TAPS * channels * cells * bytes_a_sample, channels * cells * 4
    assert samples <= kept <= samples + feature + 10 * TAPS * cells * 4  # besides, places and shares of the taps
