"""An FPN whose coarsest level is pooled at several sizes first (FastInst, CVPR 2023, arXiv 2303.08594)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from m2f.models.mask_prediction import resize
from m2f.models.pixel_decoders.fpn import FPN, LateralSum, initialise_convolutions
from m2f.registry import MODELS

SIZES = (1, 2, 3, 6)


class BilinearSum(LateralSum):
    """A lateral sum whose coarser level is upsampled bilinearly."""

    def forward(self, feature: Tensor, coarser: Tensor) -> Tensor:
        """Merge ``feature [B, channels, h, w]`` and ``coarser [B, D, h', w']`` to ``[B, D, h, w]``."""
        return self.lateral(feature) + resize(coarser, (feature.shape[2], feature.shape[3]))


class PyramidPooling(nn.Module):
    """The map beside its means over 1, 4, 9 and 36 parts, brought together (PSPNet, Zhao et al. 2017).

    Args:
        embed_dims: D.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        narrow = embed_dims // len(SIZES)
        self.stages = nn.ModuleList(nn.Conv2d(embed_dims, narrow, 1) for _ in SIZES)
        self.bottleneck = nn.Conv2d(embed_dims + narrow * len(SIZES), embed_dims, 1)

    def forward(self, level: Tensor) -> Tensor:
        """``[B, D, h, w]`` to the same."""
        means = [
            resize(stage(F.adaptive_avg_pool2d(level, size)).relu(), (level.shape[2], level.shape[3]))
            for stage, size in zip(self.stages, SIZES, strict=True)
        ]
        return self.bottleneck(torch.cat([*means, level], dim=1)).relu()


@MODELS.register_module()
class PyramidPoolingFPN(FPN):
    """:class:`FPN` on pyramid pooling of 1/32, with laterals at every level and bilinear upsampling.

    FastInst's ``PyramidPoolingModuleFPN`` (fastinst_encoder.py:126-201; MIT) ends at 1/8, where its masks are. That it
    goes on to 1/4, with this paper's 3x3 mask convolution as in the FPN of Table 4(e), is chosen here.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        norm_groups: groups of the group norms.
    """

    fusion = BilinearSum

    def __init__(self, in_channels: Sequence[int], embed_dims: int = 256, norm_groups: int = 32) -> None:
        *finer, coarsest = in_channels
        super().__init__([*finer, embed_dims], embed_dims, norm_groups)
        norm = {"type": "GN", "num_groups": norm_groups}
        self.projection = ConvModule(coarsest, embed_dims, 1, norm_cfg=norm, act_cfg=None)
        self.pooling = PyramidPooling(embed_dims)
        initialise_convolutions(self.projection)
        initialise_convolutions(self.pooling)

    def top_down(self, features: Sequence[Tensor]) -> list[Tensor]:
        """All levels ``[B, D, h, w]``, from 1/32 to 1/4."""
        *finer, coarsest = features
        return super().top_down([*finer, self.pooling(self.projection(coarsest))])
