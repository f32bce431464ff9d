"""k-means cross-attention: every pixel belongs to one query (kMaX-DeepLab, ECCV 2022, arXiv 2207.04044)."""

import torch
from torch import Tensor, nn

from m2f.models.layers import without_autocast, xavier_linear
from m2f.models.transformer_decoder.cross_attention import Level, foreground
from m2f.registry import MODELS


@MODELS.register_module()
class KMeansAttention(nn.Module):
    """A query reads the sum of the values of those cells in which its mask is the strongest of all queries' masks.

    No query, key, position, head or softmax: the assignment is the argmax over queries of the mask logits, without a
    gradient, and a norm follows the sum (kmax_transformer_decoder.py:184-226 of bytedance/kmax-deeplab and
    dual_path_transformer.py of deeplab2; Apache-2.0). A query that owns no cell reads a
    constant and nothing of the image; the rule for empty masks has no place here. The sum, over up to 17,000 cells, is
    in float32, as there. The output projection is zero at first, as the scale of their last norm is: a layer begins as
    the identity.

    What is theirs and not here: batch norm, for which a layer norm stands, as nothing else in this decoder has
    statistics of a batch, so that the size of a sum does not matter at all; GELU; drop path; self-attention that runs
    beside the read. Their mask loss makes queries exclusive by a softmax over queries, ours does not.

    Args:
        embed_dims: D.
        num_heads: unused by a sum; taken so that all variants are built alike.
        dropout: as ``num_heads``.
    """

    needs_masks = True

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.value = xavier_linear(embed_dims, embed_dims)
        self.norm = nn.LayerNorm(embed_dims)
        self.output = nn.Linear(embed_dims, embed_dims)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """See :mod:`m2f.models.transformer_decoder.cross_attention`."""
        assert mask_logits is not None
        return self._read(level, owned(mask_logits))

    def of_companions(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """What companions read, each the sum over its own mask: two targets may have a cell, or none has it."""
        assert mask_logits is not None
        return self._read(level, foreground(mask_logits).float())

    def _read(self, level: Level, share: Tensor) -> Tensor:
        """The sum of the values by ``share [B, Q, N]``, ``[B, Q, D]``."""
        value = self.value(level.source)
        with without_autocast(value.device):
            total = share @ value.float()
        return self.output(self.norm(total))

    def attention_map(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """Each owned cell's share in the sum, ``[B, Q, N]``; all zero for a query that owns none."""
        assert mask_logits is not None
        share = owned(mask_logits)
        return share / share.sum(dim=2, keepdim=True).clamp(min=1)


def owned(mask_logits: Tensor) -> Tensor:
    """1 where the mask of ``[B, Q, N]`` is the strongest of the queries', the first of equals, else 0; float32."""
    owner = mask_logits.argmax(dim=1, keepdim=True)  # [B, 1, N]
    return (owner == torch.arange(mask_logits.shape[1], device=owner.device)[:, None]).float()
