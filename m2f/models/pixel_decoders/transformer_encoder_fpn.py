"""An FPN whose coarsest level goes through a transformer encoder first."""

import math
from collections.abc import Sequence

import torch
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor, nn

from m2f.models.arguments import require_between
from m2f.models.layers import FeedForward, MultiHeadAttention
from m2f.models.pixel_decoders.fpn import FPN, initialise_convolutions
from m2f.registry import MODELS


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward network, each with a residual and a norm after it (as in DETR).

    Args:
        embed_dims: D.
        num_heads: heads.
        feedforward_dims: hidden width of the feed-forward network.
        dropout: on residuals, attention weights and the feed-forward network's hidden units.
    """

    def __init__(self, embed_dims: int, num_heads: int, feedforward_dims: int, dropout: float) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(embed_dims, num_heads, dropout)
        self.feedforward = FeedForward(embed_dims, feedforward_dims, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(embed_dims) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, source: Tensor, position: Tensor) -> Tensor:
        """Update ``source [B, N, D]``; ``position [1, N, D]`` is added to queries and keys."""
        positioned = source + position
        source = self.norms[0](source + self.dropout(self.attention(positioned, positioned, source)))
        return self.norms[1](source + self.dropout(self.feedforward(source)))


@MODELS.register_module()
class TransformerEncoderFPN(FPN):
    """The FPN of Table 4(e): a 1x1 convolution and transformer encoder layers on 1/32, then an :class:`FPN` as usual.

    Table 4(e) says only "FPN". That MaskFormer's encoder belongs to it (``TransformerEncoderPixelDecoder`` of the
    reference's fpn.py) is inferred from its 195 GFLOPs: six layers of width 2048 give 194.7, an FPN alone 188.5.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        num_layers: encoder layers, 6 in MaskFormer.
        num_heads: heads.
        feedforward_dims: hidden width of the feed-forward networks.
        norm_groups: groups of the group norms.
        dropout: of the encoder layers. Table 4(e) uses Mask2Former's training parameters, and the reference's configs
            set the one DROPOUT that its encoder reads to 0.
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
        require_between(0, math.inf, num_layers=num_layers)
        *finer, coarsest = in_channels
        super().__init__([*finer, embed_dims], embed_dims, norm_groups)
        self.projection = nn.Conv2d(coarsest, embed_dims, 1)
        initialise_convolutions(self.projection)
        self.position_encoding = SinePositionalEncoding(embed_dims // 2, normalize=True)
        self.layers = nn.ModuleList(
            EncoderLayer(embed_dims, num_heads, feedforward_dims, dropout) for _ in range(num_layers)
        )

    def top_down(self, features: Sequence[Tensor]) -> list[Tensor]:
        """All levels ``[B, D, h, w]``, from 1/32 to 1/4."""
        *finer, coarsest = features
        return super().top_down([*finer, self.encode(coarsest)])

    def encode(self, feature: Tensor) -> Tensor:
        """``[B, channels, h, w]`` at 1/32 to ``[B, D, h, w]``."""
        size = feature.shape[-2:]
        source = self.projection(feature).flatten(2).transpose(1, 2)  # [B, h*w, D]
        unmasked = torch.zeros(1, *size, dtype=torch.bool, device=feature.device)
        position = self.position_encoding(unmasked).flatten(2).transpose(1, 2)
        for layer in self.layers:
            source = layer(source, position)
        return source.transpose(1, 2).unflatten(2, size)
