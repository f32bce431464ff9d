"""Panoptic FPN's semantic branch between an FPN and its mask features (Kirillov et al. 2019, section 3.1, figure 3)."""

from collections.abc import Sequence
from functools import reduce

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from m2f.models.mask_prediction import resize
from m2f.models.pixel_decoders.fpn import initialise_convolutions
from m2f.models.pixel_decoders.transformer_encoder_fpn import TransformerEncoderFPN
from m2f.registry import MODELS


class Branch(nn.ModuleList):
    """Steps from one level towards 1/4: a 3x3 convolution, a group norm, a ReLU and bilinear upsampling each.

    Args:
        num_steps: how many.
        embed_dims: D.
        norm_groups: groups of the group norms.
    """

    def __init__(self, num_steps: int, embed_dims: int, norm_groups: int) -> None:
        norm = {"type": "GN", "num_groups": norm_groups}
        super().__init__(ConvModule(embed_dims, embed_dims, 3, padding=1, norm_cfg=norm) for _ in range(num_steps))
        initialise_convolutions(self)

    def forward(self, level: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Bring ``level [B, D, h, w]`` to each of ``sizes`` in turn."""
        for step, size in zip(self, sizes, strict=True):
            level = resize(step(level), size)
        return level


@MODELS.register_module()
class SemanticFPN(TransformerEncoderFPN):
    """:class:`TransformerEncoderFPN` with mask features from the sum of all its levels, each brought to 1/4 in steps.

    Three steps lead from 1/32 to 1/4, two from 1/16, one from 1/8, and at 1/4 stands one without upsampling. The 3x3
    mask convolution follows the sum.

    Table 4(e) does not say how wide the branch is, nor on which FPN it stands. Inferred from its 258 GFLOPs: D = 256
    channels, where Panoptic FPN has 128, on the FPN of the row above it give 258.1.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output and of the branch.
        num_layers: encoder layers.
        num_heads: heads.
        feedforward_dims: hidden width of the feed-forward networks.
        norm_groups: groups of the group norms.
        dropout: of the encoder layers.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        embed_dims: int = 256,
        num_layers: int = 6,
        num_heads: int = 8,
        feedforward_dims: int = 2048,
        norm_groups: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(in_channels, embed_dims, num_layers, num_heads, feedforward_dims, norm_groups, dropout)
        num_levels = len(in_channels)
        steps_of_levels = [*range(num_levels - 1, 0, -1), 1]  # from 1/32 to 1/4
        self.branches = nn.ModuleList(Branch(steps, embed_dims, norm_groups) for steps in steps_of_levels)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to the pyramid 1/32, 1/16, 1/8 and mask features at 1/4."""
        levels = self.top_down(features)
        return levels[:3], self.mask_features(self.semantic_sum(levels))

    def semantic_sum(self, levels: Sequence[Tensor]) -> Tensor:
        """Levels ``[B, D, h, w]`` from 1/32 to 1/4 to their sum at 1/4."""
        sizes = [(level.shape[2], level.shape[3]) for level in levels]
        ways = [*(sizes[start:] for start in range(1, len(sizes))), sizes[-1:]]
        return reduce(
            torch.add, (branch(level, way) for branch, level, way in zip(self.branches, levels, ways, strict=True))
        )
