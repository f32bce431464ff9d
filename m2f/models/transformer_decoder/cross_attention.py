"""The four ways of Table 4(c) in which queries read image features, all with one signature.

A variant is a module ``variant(query [B, Q, D], query_position [1, Q, D], level, mask_logits) -> [B, Q, D]``. Its
result is added to the query by the decoder layer. ``mask_logits [B, Q, N]`` holds each query's current mask at the
level's N positions, detached; it is None unless the variant says ``needs_masks``, which it is asked in every forward
pass. Its decoder tells it its ``place``, (i, L) in layer i of L, from 0. Adding a variant is one such class, or, where
it attends, a subclass of ``CrossAttention`` with its own ``bias``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from m2f.models.layers import MultiHeadAttention, xavier_linear
from m2f.registry import MODELS


@dataclass
class Level:
    """What one decoder layer reads of the image: one resolution, or several one after the other.

    Attributes:
        source: ``[B, N, D]``, features plus their resolution's embedding; keys and values.
        position: ``[1, N, D]``, sine position embedding; added to keys only.
        sizes: ``(h, w)`` of each resolution; N sums over their cells.
        strides: pixels of the network's input per cell, of each resolution: 32, 16 or 8.
    """

    source: Tensor
    position: Tensor
    sizes: tuple[tuple[int, int], ...]
    strides: tuple[int, ...]


def foreground(mask_logits: Tensor, least: float = 0.0) -> Tensor:
    """Where each query's mask is foreground, or everywhere if it is empty.

    A probability of at least 0.5 is a logit of at least 0. A query without a foreground pixel would attend nowhere and
    turn into NaN, so it attends everywhere (mask2former_transformer_decoder.py:398,442-446 of the reference).

    Args:
        mask_logits: ``[B, Q, N]``.
        least: the smallest logit that is foreground.

    Returns:
        boolean ``[B, Q, N]``.
    """
    inside = mask_logits >= least
    return inside | ~inside.any(dim=2, keepdim=True)


@MODELS.register_module()
class CrossAttention(nn.Module):
    """Standard cross-attention: every query attends to every position (paper equation 1, DETR).

    Args:
        embed_dims: D.
        num_heads: heads.
        dropout: dropout of attention weights.
    """

    needs_masks = False
    place: tuple[int, int]

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(embed_dims, num_heads, dropout)

    def bias(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor | None:
        """What steers the attention, as ``MultiHeadAttention`` takes its ``mask``; nothing here."""
        return None

    def forward(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """See the module's docstring."""
        bias = self.bias(query, query_position, level, mask_logits)
        return self.attention(query + query_position, level.source + level.position, level.source, bias)

    def attention_map(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """The weights with which ``forward`` reads the N positions, mean over heads, ``[B, Q, N]``."""
        bias = self.bias(query, query_position, level, mask_logits)
        return self.attention.weights(query + query_position, level.source + level.position, bias).mean(dim=1)


@MODELS.register_module()
class MaskedAttention(CrossAttention):
    """Masked attention: a query attends only within its own predicted mask (paper equations 2 to 5)."""

    needs_masks = True

    def bias(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """Where attention is allowed, ``[B, 1, Q, N]``."""
        assert mask_logits is not None
        return foreground(mask_logits)[:, None]


@MODELS.register_module()
class SMCA(CrossAttention):
    """Spatially modulated co-attention: a Gaussian per query and head modulates the attention (Gao et al. 2021).

    With ``o`` the normalised sum of query and position, the centre is ``sigmoid(MLP(o))`` in image coordinates, moved
    per head by an offset linear in ``o``; each head has a scale for x and for y, also linear in ``o``; and
    ``log G = -sum((scale * (p - centre))^2) / 8`` is added to the attention logits
    (SMCA-DETR models/transformer.py: ``dynamic_scale="type3"``, ``smooth=8``).

    At first every scale is 1, as there. The paper does not say how SMCA met three resolutions, so this is inferred.
    Distances are in cells of 1/32 of the input at every level, the unit of SMCA-DETR's hard-coded stride, so that one
    Gaussian covers the same part of the image at each. Every layer predicts its own centre where SMCA-DETR keeps that
    of its first layer, whose queries have not seen the image yet.
    """

    smoothness = 8.0

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__(embed_dims, num_heads, dropout)
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(embed_dims)
        self.centre = nn.Sequential(
            xavier_linear(embed_dims, embed_dims),
            nn.ReLU(),
            xavier_linear(embed_dims, embed_dims),
            nn.ReLU(),
            xavier_linear(embed_dims, 2),
        )
        self.offset = xavier_linear(embed_dims, 2 * num_heads)
        self.scale = nn.Linear(embed_dims, 2 * num_heads)
        nn.init.zeros_(self.scale.weight)
        nn.init.ones_(self.scale.bias)

    def bias(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """The logarithm of each head's Gaussian, ``[B, heads, Q, N]``."""
        described = self.norm(query + query_position)
        parts = [self.log_gaussian(described, *part) for part in zip(level.sizes, level.strides, strict=True)]
        return torch.cat(parts, dim=3)

    def log_gaussian(self, described: Tensor, size: tuple[int, int], stride: int) -> Tensor:
        """One resolution's part of the bias, ``[B, heads, Q, h*w]``, from ``described [B, Q, D]``.

        Row and column are independent in it, so it is built from two small terms and never holds a distance per axis
        for every pixel.
        """
        height, width = size
        cell = stride / 32
        extent = described.new_tensor([width * cell, height * cell])
        centre = self.centre(described).sigmoid() * extent  # [B, Q, 2], in cells of 1/32
        centre = centre[:, :, None] + self.offset(described).unflatten(2, (self.num_heads, 2))  # [B, Q, heads, 2]
        scale = self.scale(described).unflatten(2, (self.num_heads, 2))
        x, y = centre.permute(3, 0, 2, 1).unbind(0)  # [B, heads, Q] each
        scale_x, scale_y = scale.permute(3, 0, 2, 1).unbind(0)
        columns = (torch.arange(width, device=x.device) + 0.5) * cell
        rows = (torch.arange(height, device=x.device) + 0.5) * cell
        from_x = (scale_x[..., None] * (columns - x[..., None])).square()  # [B, heads, Q, w]
        from_y = (scale_y[..., None] * (rows - y[..., None])).square()  # [B, heads, Q, h]
        return -(from_y[..., :, None] + from_x[..., None, :]).flatten(3) / self.smoothness


@MODELS.register_module()
class MaskPooling(nn.Module):
    """Mask pooling: the mean of the features inside each query's predicted mask replaces attention (K-Net).

    No keys, no values, no products with every pixel: the mean over ``source``, which carries the level embedding, then
    one value and one output projection a query, as many as attention has on the query's side. That the average is
    plain and its mask binary at 0.5 follows K-Net (its ``hard_mask_thr``); that an empty mask averages everything
    follows masked attention. The paper's 217 GFLOPs say that the pixels are not projected; the rest is inferred.

    Args:
        embed_dims: D.
        num_heads: unused by a mean; taken so that all variants are built alike.
        dropout: as ``num_heads``.
    """

    needs_masks = True

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.value = xavier_linear(embed_dims, embed_dims)
        self.output = xavier_linear(embed_dims, embed_dims)

    def forward(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """See the module's docstring."""
        share = self.attention_map(query, query_position, level, mask_logits)
        return self.output(self.value(share @ level.source))

    def attention_map(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """Each position's share in the mean, ``[B, Q, N]``."""
        assert mask_logits is not None
        inside = foreground(mask_logits).to(level.source.dtype)
        return inside / inside.sum(dim=2, keepdim=True)  # before the product: in half precision a sum could overflow
