"""Prototype cross-attention: one pixel stands for all of a query's mask (PEM, CVPR 2024, arXiv 2402.19422)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from m2f.models.arguments import require_divisible
from m2f.models.layers import xavier_linear
from m2f.models.transformer_decoder.cross_attention import Level, foreground
from m2f.registry import MODELS


@MODELS.register_module()
class PrototypeAttention(nn.Module):
    """Each head takes the key that is most like the query, of those in its mask, in place of a mean over values.

    Keys are ``L2(W_k depthwise3x3(norm(source + position)))``, which are the values too; the query's side is
    ``L2(W_q LayerNorm(query + position))``, both normalised over all of D. With the heads' chosen keys as prototype the
    read is ``W_o(alpha * L2_over_queries(W_m(prototype * q)) + prototype)``, ``alpha`` of D numbers, at first 1 (PEM's
    pem_transformer_decoder.py:87-212, read for the formulas: no licence).

    The second L2 norm runs over the Q queries, so what one query reads depends on the others; what one companion reads
    on the other companions, and on how many another image has. The choice has no
    gradient: ``W_q`` learns through the product alone. The norm before the depthwise convolution is batch norm there,
    a layer norm here, as nothing else in this decoder has statistics of a batch. There an empty mask takes the first
    cell, unless all of an image's are empty; here it takes any cell, as an empty mask of masked attention does.

    Args:
        embed_dims: D.
        num_heads: heads.
        dropout: unused, as there are no attention weights; taken so that all variants are built alike.
    """

    needs_masks = True

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        require_divisible(embed_dims, num_heads=num_heads)
        self.num_heads = num_heads
        self.source_norm = nn.LayerNorm(embed_dims)
        self.neighbours = nn.Conv2d(embed_dims, embed_dims, 3, padding=1, groups=embed_dims)
        self.key = xavier_linear(embed_dims, embed_dims)
        self.query_norm = nn.LayerNorm(embed_dims)
        self.query = xavier_linear(embed_dims, embed_dims)
        self.product = xavier_linear(embed_dims, embed_dims)
        self.output = xavier_linear(embed_dims, embed_dims)
        self.alpha = nn.Parameter(torch.ones(embed_dims))

    def forward(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """See :mod:`m2f.models.transformer_decoder.cross_attention`."""
        queries, keys = self.sides(query, query_position, level)
        chosen = self.chosen(queries, keys, mask_logits)  # [B, heads, Q]
        heads = keys.unflatten(2, (self.num_heads, -1)).transpose(1, 2)  # [B, heads, N, D / heads]
        prototype = heads.gather(2, chosen[..., None].expand(-1, -1, -1, heads.shape[3])).transpose(1, 2).flatten(2)
        product = F.normalize(self.product(prototype * queries), dim=1)
        return self.output(self.alpha * product + prototype)

    def sides(self, query: Tensor, query_position: Tensor, level: Level) -> tuple[Tensor, Tensor]:
        """Queries ``[B, Q, D]`` and keys ``[B, N, D]``, all of length 1."""
        tokens = self.source_norm(level.source + level.position).transpose(1, 2)  # [B, D, N]
        maps = zip(tokens.split([math.prod(size) for size in level.sizes], dim=2), level.sizes, strict=True)
        convolved = torch.cat([self.neighbours(own.unflatten(2, size)).flatten(2) for own, size in maps], dim=2)
        keys = self.key(convolved.transpose(1, 2))
        queries = self.query(self.query_norm(query + query_position))
        return F.normalize(queries, dim=2), F.normalize(keys, dim=2)

    @torch.no_grad()
    def chosen(self, queries: Tensor, keys: Tensor, mask_logits: Tensor | None) -> Tensor:
        """Which of the N cells each head of each query takes, ``[B, heads, Q]``."""
        assert mask_logits is not None
        own, others = (side.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for side in (queries, keys))
        likeness = own @ others.transpose(2, 3)
        return likeness.masked_fill(~foreground(mask_logits)[:, None], -math.inf).argmax(dim=3)

    def attention_map(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """The share of the heads that take each cell, ``[B, Q, N]``."""
        queries, keys = self.sides(query, query_position, level)
        chosen = self.chosen(queries, keys, mask_logits).transpose(1, 2)  # [B, Q, heads]
        nothing = keys.new_zeros(*queries.shape[:2], keys.shape[1])
        return nothing.scatter_add(2, chosen, nothing.new_ones(chosen.shape)) / self.num_heads
