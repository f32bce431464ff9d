"""Weighted bidirectional feature pyramid network (BiFPN, Tan et al. 2020, section 3)."""

import math
from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from torch import Tensor, nn

from m2f.models.arguments import require_between
from m2f.models.pixel_decoders.fpn import initialise_convolutions
from m2f.registry import MODELS

EPSILON = 1e-4


class Fusion(nn.Module):
    """Fast normalised fusion of maps of one size, then swish, a separable 3x3 convolution and a group norm.

    Map i weighs ``relu(w_i) / (sum_j relu(w_j) + 0.0001)`` with learnt w, at first all 1.

    Args:
        num_maps: how many maps are fused.
        embed_dims: D.
        norm_groups: groups of the group norm.
    """

    def __init__(self, num_maps: int, embed_dims: int, norm_groups: int) -> None:
        super().__init__()
        norm = {"type": "GN", "num_groups": norm_groups}
        self.weights = nn.Parameter(torch.ones(num_maps))
        self.convolution = DepthwiseSeparableConvModule(
            embed_dims, embed_dims, 3, padding=1, bias=False, act_cfg=None, pw_norm_cfg=norm
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Fuse maps ``[B, D, h, w]`` to one."""
        return self.convolution(F.silu(self.fuse(maps)))

    def fuse(self, maps: Sequence[Tensor]) -> Tensor:
        """The weighted sum of ``maps``."""
        weights = self.weights.relu()
        shares = weights / (weights.sum() + EPSILON)
        return reduce(torch.add, (share * part for share, part in zip(shares, maps, strict=True)))


class BiFPNLayer(nn.Module):
    """Once from coarse to fine, once from fine to coarse, every level keeping its input (figure 2d).

    Upsampling is by nearest neighbour, downsampling by a 3x3 maximum of stride 2, as in EfficientDet.

    Args:
        num_levels: levels of the pyramid.
        embed_dims: D.
        norm_groups: groups of the group norms.
    """

    def __init__(self, num_levels: int, embed_dims: int, norm_groups: int) -> None:
        super().__init__()
        self.top_down = nn.ModuleList(Fusion(2, embed_dims, norm_groups) for _ in range(num_levels - 1))
        self.bottom_up = nn.ModuleList(
            Fusion(num_maps, embed_dims, norm_groups) for num_maps in [*[3] * (num_levels - 2), 2]
        )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Update ``levels [B, D, h, w]``, fine to coarse."""
        last = len(levels) - 1
        descended = [levels[last]]
        for index in reversed(range(last)):
            coarser = F.interpolate(descended[0], size=levels[index].shape[-2:], mode="nearest")
            descended.insert(0, self.top_down[index]([levels[index], coarser]))
        ascended = [descended[0]]
        for index in range(1, last + 1):
            finer = F.max_pool2d(ascended[-1], kernel_size=3, stride=2, padding=1)
            own = [levels[index]] if index == last else [levels[index], descended[index]]
            ascended.append(self.bottom_up[index - 1]([*own, finer]))
        return ascended


@MODELS.register_module()
class BiFPN(nn.Module):
    """EfficientDet's pyramid as the pixel decoder: 1x1 convolutions, BiFPN layers, 3x3 output and mask convolutions.

    Table 4(e) does not say how deep it is. Inferred from its 204 GFLOPs: three layers, as many as EfficientDet-D0 has,
    over the four levels of the backbone, with the FPN row's output convolutions, give 204.6 (204.0 without its norms).
    One layer of full 3x3 convolutions after MaskFormer's encoder comes as close, but is nobody's published BiFPN.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        num_layers: BiFPN layers.
        norm_groups: groups of the group norms.
    """

    def __init__(
        self, in_channels: Sequence[int], embed_dims: int = 256, num_layers: int = 3, norm_groups: int = 32
    ) -> None:
        super().__init__()
        require_between(0, math.inf, num_layers=num_layers)
        norm = {"type": "GN", "num_groups": norm_groups}
        self.projections = nn.ModuleList(
            ConvModule(channels, embed_dims, 1, norm_cfg=norm, act_cfg=None) for channels in in_channels
        )
        self.layers = nn.ModuleList(BiFPNLayer(len(in_channels), embed_dims, norm_groups) for _ in range(num_layers))
        self.outputs = nn.ModuleList(
            ConvModule(embed_dims, embed_dims, 3, padding=1, norm_cfg=norm) for _ in in_channels
        )
        self.mask_features = nn.Conv2d(embed_dims, embed_dims, 3, padding=1)
        initialise_convolutions(self)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to the pyramid 1/32, 1/16, 1/8 and mask features at 1/4."""
        levels = [projection(feature) for projection, feature in zip(self.projections, features, strict=True)]
        for layer in self.layers:
            levels = layer(levels)
        finest, *pyramid = [output(level) for output, level in zip(self.outputs, levels, strict=True)]
        return pyramid[::-1], self.mask_features(finest)
