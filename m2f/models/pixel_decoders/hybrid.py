"""RT-DETR's hybrid encoder as the pixel decoder (CVPR 2024, arXiv 2304.08069)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor, nn

from m2f.models.arguments import require_whole
from m2f.models.mask_prediction import resize
from m2f.models.pixel_decoders.fpn import initialise_convolutions
from m2f.models.pixel_decoders.transformer_encoder_fpn import EncoderLayer
from m2f.registry import MODELS

ACTIVATION = {"type": "SiLU"}


class RepVGGBlock(nn.Module):
    """A 3x3 and a 1x1 convolution, each with a norm, their sum and a SiLU."""

    def __init__(self, embed_dims: int, norm: dict[str, object]) -> None:
        super().__init__()
        self.wide = ConvModule(embed_dims, embed_dims, 3, padding=1, norm_cfg=norm, act_cfg=None)
        self.narrow = ConvModule(embed_dims, embed_dims, 1, norm_cfg=norm, act_cfg=None)

    def forward(self, level: Tensor) -> Tensor:
        """``[B, D, h, w]`` to the same."""
        return F.silu(self.wide(level) + self.narrow(level))


class CrossStage(nn.Module):
    """Two maps side by side, through two 1x1 convolutions, of which one goes on through RepVGG blocks; their sum."""

    def __init__(self, embed_dims: int, num_blocks: int, norm: dict[str, object]) -> None:
        super().__init__()
        self.deep, self.shallow = (
            ConvModule(2 * embed_dims, embed_dims, 1, norm_cfg=norm, act_cfg=ACTIVATION) for _ in range(2)
        )
        self.blocks = nn.Sequential(*(RepVGGBlock(embed_dims, norm) for _ in range(num_blocks)))

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Merge two maps ``[B, D, h, w]``."""
        both = torch.cat([one, other], dim=1)
        return self.blocks(self.deep(both)) + self.shallow(both)


@MODELS.register_module()
class HybridEncoder(nn.Module):
    """One transformer encoder layer on 1/32, then a path down to 1/8 and one up again, of CSP blocks.

    Down, a level after a 1x1 convolution is upsampled by nearest neighbour and merged with the finer one; up, a level
    is halved by a 3x3 convolution of stride 2 and merged with the coarser one (rtdetr's hybrid_encoder.py:88-335;
    Apache-2.0). RT-DETR ends at 1/8; the step to 1/4 and the mask features are those of :class:`MSDeformAttn`.

    Chosen here: group norms for batch norms, as in the paper's pixel decoders. RepVGG's two convolutions can be made
    one after training only with batch norms; they are counted apart.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        num_blocks: RepVGG blocks in a CSP block.
        num_heads: heads of the encoder layer.
        feedforward_dims: hidden width of its feed-forward network.
        norm_groups: groups of the group norms.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        embed_dims: int = 256,
        num_blocks: int = 3,
        num_heads: int = 8,
        feedforward_dims: int = 1024,
        norm_groups: int = 32,
    ) -> None:
        super().__init__()
        require_whole(num_blocks=num_blocks)
        norm = {"type": "GN", "num_groups": norm_groups}
        finest, *others = in_channels
        steps = range(len(others) - 1)
        self.projections = nn.ModuleList(
            ConvModule(channels, embed_dims, 1, norm_cfg=norm, act_cfg=None) for channels in others
        )
        self.position_encoding = SinePositionalEncoding(embed_dims // 2, normalize=True)
        self.encoder = EncoderLayer(embed_dims, num_heads, feedforward_dims, dropout=0.0)
        self.encoder.feedforward[1] = nn.GELU()
        self.laterals = nn.ModuleList(
            ConvModule(embed_dims, embed_dims, 1, norm_cfg=norm, act_cfg=ACTIVATION) for _ in steps
        )
        self.down = nn.ModuleList(CrossStage(embed_dims, num_blocks, norm) for _ in steps)
        self.halvings = nn.ModuleList(
            ConvModule(embed_dims, embed_dims, 3, stride=2, padding=1, norm_cfg=norm, act_cfg=ACTIVATION) for _ in steps
        )
        self.up = nn.ModuleList(CrossStage(embed_dims, num_blocks, norm) for _ in steps)
        self.lateral = ConvModule(finest, embed_dims, 1, norm_cfg=norm, act_cfg=None)
        self.output = ConvModule(embed_dims, embed_dims, 3, padding=1, norm_cfg=norm)
        self.mask_features = nn.Conv2d(embed_dims, embed_dims, 1)
        initialise_convolutions(self)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to the pyramid 1/32, 1/16, 1/8 and mask features at 1/4."""
        finest, *others = features
        *finer, coarsest = [projection(level) for projection, level in zip(self.projections, others, strict=True)]
        descended = [self.encode(coarsest)]
        for level, lateral, stage in zip(finer[::-1], self.laterals, self.down, strict=True):
            descended[-1] = lateral(descended[-1])
            upsampled = F.interpolate(descended[-1], size=level.shape[-2:], mode="nearest")
            descended.append(stage(upsampled, level))
        ascended = [descended.pop()]
        for level, halving, stage in zip(descended[::-1], self.halvings, self.up, strict=True):
            ascended.append(stage(halving(ascended[-1]), level))
        lateral = self.lateral(finest)
        merged = lateral + resize(ascended[0], (lateral.shape[2], lateral.shape[3]))
        return ascended[::-1], self.mask_features(self.output(merged))

    def encode(self, level: Tensor) -> Tensor:
        """``[B, D, h, w]`` at 1/32 to the same, each place having attended to all."""
        size = level.shape[-2:]
        unmasked = torch.zeros(1, *size, dtype=torch.bool, device=level.device)
        position = self.position_encoding(unmasked).flatten(2).transpose(1, 2)
        return self.encoder(level.flatten(2).transpose(1, 2), position).transpose(1, 2).unflatten(2, size)
