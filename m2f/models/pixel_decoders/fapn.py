"""Feature selection and alignment between the levels of an FPN (FaPN, Huang et al. 2021, section 3)."""

import math

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from m2f.models.mask_prediction import resize
from m2f.models.pixel_decoders.deformable_convolution import TAPS, modulated_deformable_convolution
from m2f.models.pixel_decoders.fpn import FPN, initialise_convolutions
from m2f.registry import MODELS


class FeatureSelection(nn.Module):
    """Channels strengthened by what the whole map says of them, then a 1x1 convolution with group norm.

    Args:
        channels: the backbone's channels at this level.
        embed_dims: D.
        norm_groups: groups of the group norm.
    """

    def __init__(self, channels: int, embed_dims: int, norm_groups: int) -> None:
        super().__init__()
        norm = {"type": "GN", "num_groups": norm_groups}
        self.importance = nn.Conv2d(channels, channels, 1)
        self.reduction = ConvModule(channels, embed_dims, 1, norm_cfg=norm, act_cfg=None)
        initialise_convolutions(self)

    def forward(self, feature: Tensor) -> Tensor:
        """``[B, channels, h, w]`` to ``[B, D, h, w]``."""
        importance = self.importance(feature.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return self.reduction(feature + importance * feature)


class FeatureAlignment(nn.Module):
    """A modulated deformable 3x3 convolution of the coarser level, steered by both levels.

    At first no tap is moved and all weigh a half, as in DCNv2.

    Args:
        embed_dims: D.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.groups = math.gcd(8, embed_dims)
        self.difference = nn.Conv2d(2 * embed_dims, embed_dims, 1)
        self.steering = nn.Conv2d(embed_dims, self.groups * TAPS * 3, 3, padding=1)
        self.convolution = nn.Conv2d(embed_dims, embed_dims, 3, padding=1)
        initialise_convolutions(self)
        nn.init.zeros_(self.steering.weight)

    def forward(self, selected: Tensor, coarser: Tensor) -> Tensor:
        """Align ``coarser`` to ``selected``, both ``[B, D, h, w]``."""
        difference = self.difference(torch.cat([selected, coarser], dim=1))
        steering = self.steering(difference).unflatten(1, (self.groups, TAPS, 3))
        offsets, masks = steering[:, :, :, :2], steering[:, :, :, 2].sigmoid()
        weight, bias = self.convolution.weight, self.convolution.get_parameter("bias")
        return modulated_deformable_convolution(coarser, offsets, masks, weight, bias).relu()


class AlignedSum(nn.Module):
    """The sum of the selected features and the coarser level, upsampled bilinearly and aligned to them.

    Args:
        channels: the backbone's channels at this level.
        embed_dims: D.
        norm_groups: groups of the group norm.
    """

    def __init__(self, channels: int, embed_dims: int, norm_groups: int) -> None:
        super().__init__()
        self.selection = FeatureSelection(channels, embed_dims, norm_groups)
        self.alignment = FeatureAlignment(embed_dims)

    def forward(self, feature: Tensor, coarser: Tensor) -> Tensor:
        """Merge ``feature [B, channels, h, w]`` and ``coarser [B, D, h', w']`` to ``[B, D, h, w]``."""
        selected = self.selection(feature)
        upsampled = resize(coarser, (feature.shape[2], feature.shape[3]))
        return selected + self.alignment(selected, upsampled)


@MODELS.register_module()
class FaPN(FPN):
    """:class:`FPN` with feature selection and alignment in place of lateral sums, and a 1x1 convolution on 1/32.

    Table 4(e) names FaPN without its FLOPs. That there are no encoder layers here, and that 1/32 has a 1x1 convolution
    alone, is inferred from the 217M parameters that Table V prints with Swin-L: this gives 217.2; a 3x3 convolution on
    1/32 would give 220.4, MaskFormer's encoder 225.7. The paper's 8 groups of channels share their offsets, fewer where
    8 does not divide D; selected features are group-normed as lateral ones are.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        norm_groups: groups of the group norms.
    """

    fusion = AlignedSum
    coarsest_kernel = 1
