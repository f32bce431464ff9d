"""Deformable attention over ever more levels (PRO-SCALE, ICLR 2025, arXiv 2404.14657)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from m2f.models.arguments import require_whole
from m2f.models.layers import xavier_linear
from m2f.models.mask_prediction import resize
from m2f.models.pixel_decoders.msdeformattn import EncoderLayer, MSDeformAttn, as_maps, half
from m2f.registry import MODELS

TEMPERATURE = 0.1


class Stage(nn.ModuleList):
    """Layers over the levels that are there."""

    def forward(self, source: Tensor, position: Tensor, reference: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Update ``source [B, N, D]``; arguments as of a layer."""
        for layer in self:
            source = layer(source, position, reference, sizes)
        return source


@MODELS.register_module()
class ProScale(MSDeformAttn):
    """:class:`MSDeformAttn` in three stages: layers over 1/32 alone, over 1/32 and 1/16, and over all three levels.

    Layers of a stage sample the levels that are there; 1/8, three quarters of all positions, enters untouched in the
    last stage. Before they enter, the coarse levels are weighted by what 1/8 says of the same place:
    ``x * sigmoid(0.1 * w . x_8)``, with 1/8 resized and one linear w for both. At 1/4 a 3x3 maximum of stride 1 takes
    the place of the output convolution, which is half of what the published row saves: ``pool`` tells the two apart.
    Written from the formulas; the release (proscale-pytorch's proscale.py:28-136,271-349) may be read for evaluation
    alone.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        num_layers: layers of MSDeformAttn in its place; each of the stages has half as many, 3 in the paper.
        num_heads: heads.
        num_points: samples per head and level.
        feedforward_dims: hidden width of the feed-forward networks.
        norm_groups: groups of the group norms.
        full_precision: whether autocast is off inside.
        pool: whether the output at 1/4 is pooled in place of a convolution.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        embed_dims: int = 256,
        num_layers: int = 6,
        num_heads: int = 8,
        num_points: int = 4,
        feedforward_dims: int = 1024,
        norm_groups: int = 32,
        full_precision: bool = True,
        pool: bool = True,
    ) -> None:
        sizes = (num_heads, num_points, feedforward_dims)
        super().__init__(in_channels, embed_dims, 0, *sizes, norm_groups, full_precision)
        require_whole(num_layers=num_layers)
        self.stages = nn.ModuleList(
            Stage(
                EncoderLayer(embed_dims, num_heads, levels, num_points, feedforward_dims)
                for _ in range(half(num_layers))
            )
            for levels in range(1, len(in_channels))
        )
        self.importance = xavier_linear(embed_dims, 1)
        if pool:
            norm = nn.GroupNorm(norm_groups, embed_dims)
            self.output = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), norm, nn.ReLU())

    def _attend(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Run the stages over ``features``, coarse to fine."""
        projected = [projection(level).float() for projection, level in zip(self.projections, features, strict=True)]
        sizes: list[tuple[int, int]] = []
        source = projected[0].new_zeros(len(projected[0]), 0, projected[0].shape[1])
        for entering, stage in zip(self._weighted(projected), self.stages, strict=True):
            sizes.append((entering.shape[2], entering.shape[3]))
            source = torch.cat([source, entering.flatten(2).transpose(1, 2)], dim=1)
            position, reference = self._places(sizes, source.device)
            source = stage(source, position, reference, sizes)
        return as_maps(source, sizes)

    def _weighted(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Levels ``[B, D, h, w]``, coarse to fine, the coarse ones weighted by the finest."""
        *coarse, finest = levels
        weighted = []
        for level in coarse:
            tokens = resize(finest, (level.shape[2], level.shape[3])).flatten(2).transpose(1, 2)
            weight = (TEMPERATURE * self.importance(tokens)).sigmoid()  # [B, h * w, 1]
            weighted.append(level * weight.transpose(1, 2).unflatten(2, level.shape[2:]))
        return [*weighted, finest]
