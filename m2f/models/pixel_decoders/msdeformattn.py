"""Multi-scale deformable attention as the pixel decoder, the paper's default (section 4.1; Deformable DETR)."""

import math
from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmdet.models.layers import SinePositionalEncoding
from mmengine.model import caffe2_xavier_init
from torch import Tensor, nn

from m2f.models.arguments import require_between, require_divisible, require_whole
from m2f.models.layers import FeedForward, Linear, for_convolutions, without_autocast, xavier_linear
from m2f.models.mask_prediction import resize
from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling
from m2f.registry import MODELS


class DeformableAttention(nn.Module):
    """Every position samples a few learnt places at every level (Zhu et al. 2021, equation 3).

    Args:
        embed_dims: D.
        num_heads: heads.
        num_levels: levels of the pyramid.
        num_points: samples per head and level.
    """

    def __init__(self, embed_dims: int, num_heads: int, num_levels: int, num_points: int) -> None:
        super().__init__()
        require_divisible(embed_dims, num_heads=num_heads)
        require_whole(num_points=num_points)
        self.samples = (num_heads, num_levels, num_points)
        self.offsets = Linear(embed_dims, math.prod(self.samples) * 2)
        self.weights = Linear(embed_dims, math.prod(self.samples))
        self.value = xavier_linear(embed_dims, embed_dims)
        self.output = xavier_linear(embed_dims, embed_dims)
        self._initialise()

    def _initialise(self) -> None:
        """Heads look in directions all around, point k at distance k + 1; all samples weigh the same at first."""
        heads, levels, points = self.samples
        angle = torch.arange(heads) * (2 * math.pi / heads)
        direction = torch.stack([angle.cos(), angle.sin()], dim=-1)  # [heads, 2]
        direction = direction / direction.abs().amax(dim=-1, keepdim=True)
        distance = torch.arange(1, points + 1)[:, None]  # [points, 1]
        offsets = (direction[:, None, None] * distance).expand(heads, levels, points, 2)
        nn.init.zeros_(self.offsets.weight)
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)
        with torch.no_grad():
            self.offsets.bias.copy_(offsets.reshape(-1))

    def forward(self, query: Tensor, source: Tensor, reference: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Attend from every position of all levels to samples around it.

        Args:
            query: ``[B, N, D]``, positions added, N summing over the levels.
            source: ``[B, N, D]``.
            reference: ``[N, 2]``, each position's centre (x, y) in [0, 1].
            sizes: ``(h, w)`` of each level.

        Returns:
            ``[B, N, D]``.
        """
        heads, levels, points = self.samples
        with without_autocast(query.device):
            offsets = self.offsets(query).unflatten(2, (heads, levels, points, 2))
            logits = self.weights(query).unflatten(2, (heads, levels * points))
        value = self.value(source).float().unflatten(2, (heads, -1))  # [B, N, heads, D / heads]
        return self.output(deformable_sampling(value, sizes, reference, offsets, logits))


class EncoderLayer(nn.Module):
    """Deformable self-attention over all levels, then a feed-forward network, each with residual and norm."""

    def __init__(
        self, embed_dims: int, num_heads: int, num_levels: int, num_points: int, feedforward_dims: int
    ) -> None:
        super().__init__()
        self.attention = DeformableAttention(embed_dims, num_heads, num_levels, num_points)
        self.feedforward = FeedForward(embed_dims, feedforward_dims, dropout=0.0)
        self.norms = nn.ModuleList(nn.LayerNorm(embed_dims) for _ in range(2))

    def forward(self, source: Tensor, position: Tensor, reference: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Update ``source [B, N, D]``; arguments as in :class:`DeformableAttention`."""
        source = self.norms[0](source + self.attention(source + position, source, reference, sizes))
        return self.norms[1](source + self.feedforward(source))


@MODELS.register_module()
class MSDeformAttn(nn.Module):
    """Deformable attention layers over 1/32, 1/16 and 1/8, then one lateral step to 1/4 (msdeformattn.py:200-358).

    All of it runs in float32 whatever the precision around it (msdeformattn.py:306): half-precision sampling locations
    lose whole pixels on large maps. Without ``full_precision`` locations, sampling, norms and what passes from layer to
    layer still are; linear layers and convolutions follow autocast.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        num_layers: deformable attention layers, 6 in the paper.
        num_heads: heads.
        num_points: samples per head and level.
        feedforward_dims: hidden width of the feed-forward networks.
        norm_groups: groups of the group norms.
        full_precision: whether autocast is off inside, as in the paper.
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
    ) -> None:
        super().__init__()
        require_between(0, math.inf, num_layers=num_layers)
        self.full_precision = full_precision
        norm = {"type": "GN", "num_groups": norm_groups}
        finest, *attended = in_channels
        self.projections = nn.ModuleList(
            input_projection(channels, embed_dims, norm_groups) for channels in reversed(attended)
        )
        self.level_embedding = nn.Parameter(torch.randn(len(attended), embed_dims))
        self.position_encoding = SinePositionalEncoding(embed_dims // 2, normalize=True)
        self.layers = nn.ModuleList(
            EncoderLayer(embed_dims, num_heads, len(attended), num_points, feedforward_dims) for _ in range(num_layers)
        )
        self.lateral = ConvModule(finest, embed_dims, 1, norm_cfg=norm, act_cfg=None)
        self.output = ConvModule(embed_dims, embed_dims, 3, padding=1, norm_cfg=norm)
        self.mask_features = nn.Conv2d(embed_dims, embed_dims, 1)
        for convolution in (self.lateral.conv, self.output.conv, self.mask_features):
            caffe2_xavier_init(convolution)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to the pyramid 1/32, 1/16, 1/8 and mask features at 1/4."""
        if not self.full_precision:
            return self._decode(features)
        with without_autocast(features[0].device):
            return self._decode([level.float() for level in features])

    def _decode(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        finest, *attended = features
        pyramid = self._attend(attended[::-1])
        lateral = self.lateral(finest)
        merged = lateral + resize(for_convolutions(pyramid[-1]), lateral.shape[-2:])
        return pyramid, self.mask_features(self.output(merged))

    def _attend(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Run the layers over ``features``, coarse to fine."""
        sizes = [(level.shape[2], level.shape[3]) for level in features]
        projected = [projection(level).float() for projection, level in zip(self.projections, features, strict=True)]
        source = torch.cat([level.flatten(2).transpose(1, 2) for level in projected], dim=1)
        position, reference = self._places(sizes, source.device)
        for layer in self.layers:
            source = layer(source, position, reference, sizes)
        return as_maps(source, sizes)

    def _places(self, sizes: Sequence[tuple[int, int]], device: torch.device) -> tuple[Tensor, Tensor]:
        """Position embeddings ``[1, N, D]`` of levels, the first of all coarse to fine, and centres ``[N, 2]``."""
        positions = []
        for size, level_embedding in zip(sizes, self.level_embedding, strict=False):
            unmasked = torch.zeros(1, *size, dtype=torch.bool, device=device)
            position = self.position_encoding(unmasked).flatten(2).transpose(1, 2)
            positions.append(position + level_embedding)
        return torch.cat(positions, dim=1), torch.cat([cell_centres(size, device) for size in sizes])


def half(num_layers: int) -> int:
    """Half of so many layers, at least one: how deep what later designs repeat is at the paper's size and in small."""
    return (num_layers + 1) // 2


def as_maps(tokens: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """``[B, N, D]`` to ``[B, D, h, w]`` of each size, one after the other."""
    parts = tokens.split([height * width for height, width in sizes], dim=1)
    return [part.transpose(1, 2).unflatten(2, size) for part, size in zip(parts, sizes, strict=True)]


def input_projection(channels: int, embed_dims: int, norm_groups: int) -> nn.Sequential:
    """A 1x1 convolution, Xavier-uniform as in the reference, and a group norm."""
    convolution = nn.Conv2d(channels, embed_dims, 1)
    nn.init.xavier_uniform_(convolution.weight)
    nn.init.constant_(convolution.get_parameter("bias"), 0.0)
    return nn.Sequential(convolution, nn.GroupNorm(norm_groups, embed_dims))


def cell_centres(size: tuple[int, int], device: torch.device) -> Tensor:
    """Centres (x, y) of a map's cells in [0, 1], ``[h*w, 2]``, row by row."""
    height, width = size
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    return torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1)
