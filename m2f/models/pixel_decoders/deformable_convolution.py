"""Modulated deformable 3x3 convolution (DCNv2, Zhu et al. 2019), with mmcv's kernel or without it."""

import torch
from mmcv.ops import modulated_deform_conv2d
from torch import Tensor

from m2f.compiled_ops import compiled_ops_available
from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling

TAPS = 9


def modulated_deformable_convolution(
    feature: Tensor, offsets: Tensor, masks: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    """A 3x3 convolution of stride 1 whose taps are moved and weighted at every cell.

    mmcv's CUDA kernel is used where it was compiled. Elsewhere deformable attention's sampling takes nine samples of
    each cell, nine times ``feature``: 0.6 GB for 256 channels at 1/4 of an image of 800x1333 pixels. They are kept for
    the backward pass, under autocast in half precision. Both sample in float32: in half precision a place on a large
    map is off by whole cells.

    Args:
        feature: ``[B, C, h, w]``; outside of it lies zero.
        offsets: ``[B, groups, 9, 2, h, w]``, how far each tap moves, (y, x) in cells; taps row by row.
        masks: ``[B, groups, 9, h, w]``, what each tap's sample is multiplied with; C / groups channels share them.
        weight: ``[D, C, 3, 3]``.
        bias: ``[D]``.

    Returns:
        ``[B, D, h, w]`` in the weight's precision, which is float32 under autocast too.
    """
    feature, offsets, masks = feature.float(), offsets.float(), masks.float()
    groups = masks.shape[1]
    if feature.is_cuda and compiled_ops_available():
        offsets, masks = offsets.flatten(1, 3), masks.flatten(1, 2)
        result = modulated_deform_conv2d(feature, offsets, masks, weight, bias, 1, 1, 1, 1, groups)
        return result.to(weight.dtype)
    size = (feature.shape[2], feature.shape[3])
    value = feature.flatten(2).transpose(1, 2).unflatten(2, (groups, -1))  # [B, h*w, groups, C / groups]
    moves, shares = offsets.flatten(4).permute(0, 4, 2, 1, 3), masks.flatten(3).permute(0, 3, 2, 1)
    samples = deformable_sampling(  # [B, h*w*9, C]
        value,
        [size],
        tap_centres(size, feature.device),
        moves.flip(4).flatten(1, 2)[:, :, :, None, None],
        shares.flatten(1, 2)[..., None],
        softmax=False,
    )
    taps = samples.unflatten(1, (-1, TAPS)).flatten(2).to(weight.dtype)  # [B, h*w, 9 * C]
    result = taps @ weight.permute(2, 3, 1, 0).flatten(0, 2) + bias
    return result.transpose(1, 2).unflatten(2, size)


def tap_centres(size: tuple[int, int], device: torch.device) -> Tensor:
    """Every cell's nine taps (x, y) before they are moved, in [0, 1] inside the map, ``[h*w*9, 2]``."""
    height, width = size
    cells = torch.cartesian_prod(torch.arange(height, device=device), torch.arange(width, device=device))
    step = torch.arange(-1, 2, device=device)
    taps = (cells[:, None] + torch.cartesian_prod(step, step)).flatten(0, 1)  # (y, x) in cells
    return ((taps + 0.5) / torch.tensor(size, device=device)).flip(1)
