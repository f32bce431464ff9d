"""Building blocks that decoders and pixel decoders share, initialised as the reference's."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The reference initialises query, key and value as one matrix [3D, D]: its Xavier bound is smaller than that of three.
FUSED_GAIN = math.sqrt(0.5)


def xavier_linear(inputs: int, outputs: int, gain: float = 1.0) -> nn.Linear:
    """A linear layer with Xavier-uniform weight and zero bias."""
    linear = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(linear.weight, gain)
    nn.init.zeros_(linear.bias)
    return linear


class MultiHeadAttention(nn.Module):
    """Projects queries, keys and values, attends, and projects the result back.

    Args:
        embed_dims: D, divisible by ``num_heads``.
        num_heads: how many heads share D.
        dropout: probability with which an attention weight is dropped in training.
    """

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.query = xavier_linear(embed_dims, embed_dims, FUSED_GAIN)
        self.key = xavier_linear(embed_dims, embed_dims, FUSED_GAIN)
        self.value = xavier_linear(embed_dims, embed_dims, FUSED_GAIN)
        self.output = xavier_linear(embed_dims, embed_dims)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend from ``query [B, Q, D]`` to ``key`` and ``value``, both ``[B, N, D]``.

        Args:
            mask: broadcastable to ``[B, heads, Q, N]``; boolean (true where attention is allowed) or a float that is
                added to the attention logits.

        Returns:
            ``[B, Q, D]``.
        """
        attended = F.scaled_dot_product_attention(
            self._heads(self.query(query)),
            self._heads(self.key(key)),
            self._heads(self.value(value)),
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.output(attended.transpose(1, 2).flatten(2))

    def weights(self, query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
        """The attention weights ``[B, heads, Q, N]`` of ``forward`` without dropout; same arguments."""
        queries, keys = self._heads(self.query(query)), self._heads(self.key(key))
        logits = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[-1])
        if mask is not None:
            logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
        return logits.softmax(dim=-1)

    def _heads(self, tokens: Tensor) -> Tensor:
        """``[B, N, D]`` to ``[B, heads, N, D / heads]``."""
        return tokens.unflatten(2, (self.num_heads, -1)).transpose(1, 2)


class FeedForward(nn.Sequential):
    """Two linear layers with a ReLU between, ``D -> hidden -> D``; weights Xavier-uniform, biases torch's default."""

    def __init__(self, embed_dims: int, hidden_dims: int, dropout: float) -> None:
        wide, narrow = nn.Linear(embed_dims, hidden_dims), nn.Linear(hidden_dims, embed_dims)
        for linear in (wide, narrow):
            nn.init.xavier_uniform_(linear.weight)
        super().__init__(wide, nn.ReLU(inplace=True), nn.Dropout(dropout), narrow)
