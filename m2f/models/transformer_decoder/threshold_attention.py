"""Masked attention whose mask begins at another probability than one half (FASeg, CVPR 2023, arXiv 2204.01244)."""

import math

from torch import Tensor

from m2f.models.arguments import require_between
from m2f.models.transformer_decoder.cross_attention import CrossAttention, Level, foreground
from m2f.registry import MODELS


@MODELS.register_module()
class ThresholdedAttention(CrossAttention):
    """Masked attention where a query's mask has at least a probability; at 0.5 it is masked attention.

    FASeg lowers it to 0.15 (its mask2former_transformer_decoder.py:615-619, read for the idea: CC BY-NC 4.0), together
    with two more changes. Here it is lowered alone. An empty mask attends everywhere, as in masked attention: the
    paper of FASeg does not say otherwise.

    Args:
        embed_dims: D.
        num_heads: heads.
        dropout: dropout of attention weights.
        threshold: the least probability, above 0 and below 1.
    """

    needs_masks = True

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0, threshold: float = 0.15) -> None:
        super().__init__(embed_dims, num_heads, dropout)
        require_between(1e-6, 1 - 1e-6, threshold=threshold)
        self.least = math.log(threshold / (1 - threshold))

    def bias(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """Where attention is allowed, ``[B, 1, Q, N]``."""
        assert mask_logits is not None
        return foreground(mask_logits, self.least)[:, None]
