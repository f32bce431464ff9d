"""Cross-attention whose softmax runs over the queries (slot attention, NeurIPS 2020; ClustSeg, ICML 2023)."""

import math

from torch import Tensor, nn

from m2f.models.arguments import require_whole
from m2f.models.layers import MultiHeadAttention
from m2f.models.transformer_decoder.cross_attention import Level
from m2f.registry import MODELS


@MODELS.register_module()
class QuerySoftmaxAttention(nn.Module):
    """Every pixel is shared out among the queries, some times over, as soft k-means does.

    ``share = softmax over queries of q(c) . k / sqrt(d)``, per head; a centre c reads the mean of the values by its
    shares; it begins as the query and is ``LayerNorm(query + read)`` for the next time. Keys and values are computed
    once, and all weights are the same each time. ClustSeg (arXiv 2305.02187) sums, three times over; there is no code
    of it, and its formula comes from notes on the paper. A sum over 17,000 pixels grows with the resolution, so the
    mean is taken, as in slot attention. ClustSeg also trains the shares as masks, which is not done here.

    Args:
        embed_dims: D.
        num_heads: heads.
        dropout: unused, as nobody drops shares; taken so that all variants are built alike.
        iterations: how many times.
    """

    needs_masks = False

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0, iterations: int = 3) -> None:
        super().__init__()
        require_whole(iterations=iterations)
        self.iterations = iterations
        self.attention = MultiHeadAttention(embed_dims, num_heads)
        self.norm = nn.LayerNorm(embed_dims) if iterations > 1 else None

    def forward(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """See :mod:`m2f.models.transformer_decoder.cross_attention`."""
        *_, (_, read) = self._times(query, query_position, level)
        return read

    def attention_map(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """The weights of the last time, mean over heads, ``[B, Q, N]``."""
        *_, (weights, _) = self._times(query, query_position, level)
        return weights.mean(dim=1)

    def _times(self, query: Tensor, query_position: Tensor, level: Level) -> list[tuple[Tensor, Tensor]]:
        """Weights ``[B, heads, Q, N]``, which sum to 1 over N, and read ``[B, Q, D]`` of each time."""
        key, value = (
            projected.unflatten(2, (self.attention.num_heads, -1)).transpose(1, 2)  # [B, heads, N, D / heads]
            for projected in (self.attention.key(level.source + level.position), self.attention.value(level.source))
        )
        centre = query
        found: list[tuple[Tensor, Tensor]] = []
        for _ in range(self.iterations):
            if found and self.norm:
                centre = self.norm(query + found[-1][1])
            projected = self.attention.query(centre + query_position).unflatten(2, (self.attention.num_heads, -1))
            logits = projected.transpose(1, 2) @ key.transpose(2, 3) / math.sqrt(key.shape[3])
            share = logits.softmax(dim=2)
            weights = share / (share.sum(dim=3, keepdim=True) + 1e-6)
            read = self.attention.output((weights.to(value.dtype) @ value).transpose(1, 2).flatten(2))
            found.append((weights, read))
        return found
