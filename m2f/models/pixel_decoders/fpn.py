"""Feature pyramid network as the pixel decoder (Lin et al. 2017; MaskFormer's fpn.py:114-149)."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import caffe2_xavier_init
from torch import Tensor, nn

from m2f.registry import MODELS


@MODELS.register_module()
class FPN(nn.Module):
    """Lateral 1x1 convolutions, nearest-neighbour top-down sums, a 3x3 convolution a level, a 3x3 mask convolution.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        norm_groups: groups of the group norms.
    """

    def __init__(self, in_channels: Sequence[int], embed_dims: int = 256, norm_groups: int = 32) -> None:
        super().__init__()
        norm = {"type": "GN", "num_groups": norm_groups}
        *finer, coarsest = in_channels
        self.laterals = nn.ModuleList(
            ConvModule(channels, embed_dims, 1, norm_cfg=norm, act_cfg=None) for channels in finer
        )
        self.outputs = nn.ModuleList(
            ConvModule(channels, embed_dims, 3, padding=1, norm_cfg=norm)
            for channels in [*[embed_dims] * len(finer), coarsest]
        )
        self.mask_features = nn.Conv2d(embed_dims, embed_dims, 3, padding=1)
        for convolution in self.modules():
            if isinstance(convolution, nn.Conv2d):
                caffe2_xavier_init(convolution)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to the pyramid 1/32, 1/16, 1/8 and mask features at 1/4."""
        current = self.outputs[-1](features[-1])
        pyramid = [current]
        for index in range(len(self.laterals) - 1, -1, -1):
            lateral = self.laterals[index](features[index])
            merged = lateral + F.interpolate(current, size=lateral.shape[-2:], mode="nearest")
            current = self.outputs[index](merged)
            pyramid.append(current)
        return pyramid[:3], self.mask_features(pyramid[-1])
