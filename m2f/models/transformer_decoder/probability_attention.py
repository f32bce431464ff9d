"""Attention that is weighted by each query's mask, where masked attention cuts it off."""

import torch.nn.functional as F
from torch import Tensor

from m2f.models.transformer_decoder.cross_attention import CrossAttention, Level
from m2f.registry import MODELS


@MODELS.register_module()
class ProbabilityAttention(CrossAttention):
    """Each attention weight is multiplied by the mask's probability there, and all are normalised again.

    That is the logarithm of the probability, added to the logits. Nothing is learnt and nothing is tuned: the mask's
    own certainty is its hardness. Unpublished; it stands beside :class:`LearntSoftMaskedAttention`, whose bias is
    linear in the probability, and needs no rule for empty masks either.
    """

    needs_masks = True

    def bias(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """What is added to the logits, ``[B, 1, Q, N]``."""
        assert mask_logits is not None
        return F.logsigmoid(mask_logits)[:, None]
