"""Building blocks that decoders and pixel decoders share, initialised as the reference's."""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from m2f.models.arguments import require_divisible, require_whole

# From about this many multiply-accumulates on, a convolution's greater start-up cost is made up for.
WORTH_A_CONVOLUTION = 2**23

# Hidden values of a feed-forward network that a CPU's cache holds: 4 MiB in float32.
HIDDEN_AT_ONCE = 2**20

# The reference initialises query, key and value as one matrix [3D, D]: its Xavier bound is smaller than that of three.
FUSED_GAIN = math.sqrt(0.5)


def for_convolutions(maps: Tensor) -> Tensor:
    """``[B, C, H, W]`` laid out as a CPU's convolutions want it; what follows keeps that layout and copies nothing."""
    return maps.contiguous(memory_format=torch.channels_last) if maps.device.type == "cpu" else maps


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Full precision inside; the meta device, on which costs are counted, knows no other."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


class Linear(nn.Linear):
    """``nn.Linear`` on tokens ``[B, N, D]``, in float32 on a CPU computed by oneDNN.

    torch gives float32 matrix products to MKL, which leaves half the vector width of processors that are not Intel's
    unused, and 1x1 convolutions, the same sum, to oneDNN, which uses all of it: forward and backward take half the time
    on an AMD EPYC. Where MKL is as fast nothing is lost.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """``[B, N, D]`` to ``[B, N, outputs]``."""
        if not self.worth_a_convolution(tokens):
            return super().forward(tokens)
        channels_last = tokens.transpose(1, 2).unsqueeze(2)  # [B, D, 1, N]
        output = F.conv2d(channels_last, self.weight[:, :, None, None], self.bias)
        return output.squeeze(2).transpose(1, 2)

    def worth_a_convolution(self, tokens: Tensor) -> bool:
        """Whether oneDNN is to compute it."""
        return (
            tokens.dim() == 3
            and tokens.device.type == "cpu"
            and tokens.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and tokens.numel() * self.out_features >= WORTH_A_CONVOLUTION
        )


def xavier_linear(inputs: int, outputs: int, gain: float = 1.0) -> Linear:
    """A linear layer with Xavier-uniform weight and zero bias."""
    linear = Linear(inputs, outputs)
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
        require_divisible(embed_dims, num_heads=num_heads)
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
    """Two linear layers with a ReLU between, ``D -> hidden -> D``; weights Xavier-uniform, biases torch's default.

    On a CPU many tokens go through a few at a time, so that their hidden values never leave its cache, and the backward
    pass computes those anew: fresh memory for them would cost more time than the products, and on large images they
    are half of what the layer keeps.
    """

    def __init__(self, embed_dims: int, hidden_dims: int, dropout: float) -> None:
        require_whole(feedforward_dims=hidden_dims)
        wide, narrow = Linear(embed_dims, hidden_dims), Linear(hidden_dims, embed_dims)
        for linear in (wide, narrow):
            nn.init.xavier_uniform_(linear.weight)
        super().__init__(wide, nn.ReLU(), nn.Dropout(dropout), narrow)
        self.hidden_dims = hidden_dims
        self.dropout = dropout

    def forward(self, tokens: Tensor) -> Tensor:
        """``[B, N, D]`` to the same."""
        at_once = max(HIDDEN_AT_ONCE // (len(tokens) * self.hidden_dims), 1)
        network = super().forward
        if tokens.device.type != "cpu" or tokens.shape[1] <= at_once:
            return network(tokens)
        parts = [
            checkpoint(network, part, use_reentrant=False, preserve_rng_state=self.dropout > 0)
            for part in tokens.split(at_once, dim=1)
        ]
        return torch.cat(parts, dim=1)
