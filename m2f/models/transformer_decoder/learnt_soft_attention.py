"""Masked attention whose hardness each head learns (HODOR, CVPR 2022, arXiv 2112.09131)."""

import torch
from torch import Tensor, nn

from m2f.models.transformer_decoder.cross_attention import CrossAttention, Level
from m2f.registry import MODELS


@MODELS.register_module()
class LearntSoftMaskedAttention(CrossAttention):
    """``-alpha_h * (1 - probability)`` is added to the attention logits of head h, with learnt ``alpha_h``.

    At first alpha is 32, 16, 8 and 4 for a quarter of the heads each, as HODOR's eight heads have it (its
    soft_masked_attention.py:11-95, read for the formula: no licence): 32 is a hard mask, 4 a faint one. For other
    numbers of heads ``2^(5 - floor(4 h / H))`` is inferred. There the gradient reaches the mask too; here masks that
    steer are detached, as everywhere in this decoder, so that alpha alone learns. As every weight it decays.

    An empty mask needs no rule: its query attends to where its mask is least unlikely.
    """

    needs_masks = True

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__(embed_dims, num_heads, dropout)
        exponents = 5 - torch.arange(num_heads) * 4 // num_heads
        self.alpha = nn.Parameter(2.0**exponents)

    def bias(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """What is added to the logits, ``[B, heads, Q, N]``."""
        assert mask_logits is not None
        return -self.alpha[:, None, None] * (-mask_logits).sigmoid()[:, None]
