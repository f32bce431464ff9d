"""Deformable attention most of whose layers update the coarse levels alone (Lite DETR, CVPR 2023)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from m2f.models.arguments import require_whole
from m2f.models.pixel_decoders.msdeformattn import EncoderLayer, MSDeformAttn, half
from m2f.registry import MODELS


class CoarseLayer(EncoderLayer):
    """A layer for the first of the positions, which attend to all."""

    def forward(self, source: Tensor, position: Tensor, reference: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Update the positions of all levels but the last in ``source [B, N, D]``."""
        height, width = sizes[-1]
        coarse, finest = source.split([source.shape[1] - height * width, height * width], dim=1)
        number = coarse.shape[1]
        attended = self.attention(coarse + position[:, :number], source, reference[:number], sizes)
        coarse = self.norms[0](coarse + attended)
        return torch.cat([self.norms[1](coarse + self.feedforward(coarse)), finest], dim=1)


@MODELS.register_module()
class LiteMSDeformAttn(MSDeformAttn):
    """:class:`MSDeformAttn` in blocks: some layers in which 1/32 and 1/16 read all levels, then one for all levels.

    Lite DETR's interleaved update (models/dino/deformable_transformer.py:600-660 of IDEA-Research/Lite-DETR;
    Apache-2.0), published for detection alone. 1/8 has three quarters of all positions, and is a query in one layer of
    a block. Its key-aware attention, and the cheaper feed-forward network of the last layer of a block, are not here:
    every layer is the paper's.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        num_layers: layers of MSDeformAttn in its place; there are half as many blocks.
        coarse_layers: layers for the coarse levels in a block.
        num_heads: heads.
        num_points: samples per head and level.
        feedforward_dims: hidden width of the feed-forward networks.
        norm_groups: groups of the group norms.
        full_precision: whether autocast is off inside.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        embed_dims: int = 256,
        num_layers: int = 6,
        coarse_layers: int = 2,
        num_heads: int = 8,
        num_points: int = 4,
        feedforward_dims: int = 1024,
        norm_groups: int = 32,
        full_precision: bool = True,
    ) -> None:
        sizes = (num_heads, num_points, feedforward_dims)
        super().__init__(in_channels, embed_dims, 0, *sizes, norm_groups, full_precision)
        require_whole(num_layers=num_layers, coarse_layers=coarse_layers)
        kinds = [*[CoarseLayer] * coarse_layers, EncoderLayer] * half(num_layers)
        levels = len(in_channels) - 1
        self.layers = nn.ModuleList(kind(embed_dims, num_heads, levels, num_points, feedforward_dims) for kind in kinds)
