"""Modulated deformable 3x3 convolution (DCNv2, Zhu et al. 2019), with mmcv's kernel or without it."""

import torch
import torch.nn.functional as F
from mmcv.ops import modulated_deform_conv2d
from torch import Tensor

from m2f.compiled_ops import compiled_ops_available

TAPS = 9


def modulated_deformable_convolution(
    feature: Tensor, offsets: Tensor, masks: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    """A 3x3 convolution of stride 1 whose taps are moved and weighted at every cell.

    mmcv's CUDA kernel is used where it was compiled. The formulation by grid sampling that takes its place holds all
    nine samples of every cell, nine times ``feature``: 0.6 GB for 256 channels at 1/4 of an image of 800x1333 pixels.
    Both sample in float32: in half precision a place on a large map is off by whole cells.

    Args:
        feature: ``[B, C, h, w]``; outside of it lies zero.
        offsets: ``[B, groups, 9, 2, h, w]``, how far each tap moves, (y, x) in cells; taps row by row.
        masks: ``[B, groups, 9, h, w]``, what each tap's sample is multiplied with; C / groups channels share them.
        weight: ``[D, C, 3, 3]``.
        bias: ``[D]``.

    Returns:
        ``[B, D, h, w]``.
    """
    feature, offsets, masks = feature.float(), offsets.float(), masks.float()
    if feature.is_cuda and compiled_ops_available():
        groups = masks.shape[1]
        offsets, masks = offsets.flatten(1, 3), masks.flatten(1, 2)
        return modulated_deform_conv2d(feature, offsets, masks, weight, bias, 1, 1, 1, 1, groups)
    samples = sample_taps(feature, offsets) * masks[:, :, None]  # [B, groups, C / groups, 9, h, w]
    columns = samples.flatten(4).flatten(1, 3)  # [B, C * 9, h*w]
    result = weight.flatten(1) @ columns + bias[:, None]
    return result.unflatten(2, feature.shape[-2:])


def sample_taps(feature: Tensor, offsets: Tensor) -> Tensor:
    """Bilinear samples at the moved taps, ``[B, groups, C / groups, 9, h, w]``; arguments as above."""
    images, groups = offsets.shape[:2]
    height, width = feature.shape[2:]
    rows = torch.arange(height, device=feature.device)[:, None]
    columns = torch.arange(width, device=feature.device)
    tap = torch.arange(TAPS, device=feature.device)[:, None, None]
    y = offsets[:, :, :, 0] + rows + tap // 3 - 1  # [B, groups, 9, h, w]
    x = offsets[:, :, :, 1] + columns + tap % 3 - 1
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    parts = feature.unflatten(1, (groups, -1)).flatten(0, 1)  # [B * groups, C / groups, h, w]
    sampled = F.grid_sample(parts, grid.flatten(0, 1).flatten(1, 2), align_corners=False)
    return sampled.unflatten(2, (TAPS, height)).unflatten(0, (images, groups))
