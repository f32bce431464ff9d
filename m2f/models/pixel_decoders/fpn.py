"""Feature pyramid network as the pixel decoder (Lin et al. 2017; MaskFormer's fpn.py:114-149)."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import caffe2_xavier_init
from torch import Tensor, nn

from m2f.registry import MODELS


def initialise_convolutions(module: nn.Module) -> None:
    """Draw every convolution's weights as the reference's FPN does (Caffe2's Xavier), biases zero."""
    for convolution in module.modules():
        if isinstance(convolution, nn.Conv2d):
            caffe2_xavier_init(convolution)


class LateralSum(nn.Module):
    """A lateral 1x1 convolution with group norm, and the coarser level added by nearest neighbour.

    Args:
        channels: the backbone's channels at this level.
        embed_dims: D.
        norm_groups: groups of the group norm.
    """

    def __init__(self, channels: int, embed_dims: int, norm_groups: int) -> None:
        super().__init__()
        norm = {"type": "GN", "num_groups": norm_groups}
        self.lateral = ConvModule(channels, embed_dims, 1, norm_cfg=norm, act_cfg=None)
        initialise_convolutions(self)

    def forward(self, feature: Tensor, coarser: Tensor) -> Tensor:
        """Merge ``feature [B, channels, h, w]`` and ``coarser [B, D, h', w']`` to ``[B, D, h, w]``."""
        lateral = self.lateral(feature)
        return lateral + F.interpolate(coarser, size=lateral.shape[-2:], mode="nearest")


@MODELS.register_module()
class FPN(nn.Module):
    """From coarse to fine: merge with the backbone's level, a 3x3 convolution; last a 3x3 mask convolution.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        norm_groups: groups of the group norms.
    """

    fusion: type[nn.Module] = LateralSum
    coarsest_kernel = 3

    def __init__(self, in_channels: Sequence[int], embed_dims: int = 256, norm_groups: int = 32) -> None:
        super().__init__()
        norm = {"type": "GN", "num_groups": norm_groups}
        *finer, coarsest = in_channels
        self.fusions = nn.ModuleList(self.fusion(channels, embed_dims, norm_groups) for channels in finer)
        kernels = [*[3] * len(finer), self.coarsest_kernel]
        self.outputs = nn.ModuleList(
            ConvModule(channels, embed_dims, kernel, padding=kernel // 2, norm_cfg=norm)
            for channels, kernel in zip([*[embed_dims] * len(finer), coarsest], kernels, strict=True)
        )
        self.mask_features = nn.Conv2d(embed_dims, embed_dims, 3, padding=1)
        initialise_convolutions(self.outputs)
        initialise_convolutions(self.mask_features)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to the pyramid 1/32, 1/16, 1/8 and mask features at 1/4."""
        levels = self.top_down(features)
        return levels[:3], self.mask_features(levels[-1])

    def top_down(self, features: Sequence[Tensor]) -> list[Tensor]:
        """All levels ``[B, D, h, w]``, from 1/32 to 1/4."""
        levels = [self.outputs[-1](features[-1])]
        for index in reversed(range(len(self.fusions))):
            merged = self.fusions[index](features[index], levels[-1])
            levels.append(self.outputs[index](merged))
        return levels
