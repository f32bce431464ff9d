"""Masked attention whose mask is taken away in the course of the training (EoMT, CVPR 2025, arXiv 2503.19108)."""

import torch
from torch import Tensor

from m2f.models.training_progress import TrainingProgress
from m2f.models.transformer_decoder.cross_attention import Level, MaskedAttention
from m2f.registry import MODELS


@MODELS.register_module()
class AnnealedMaskedAttention(MaskedAttention):
    """Masked attention at first, cross-attention in the end, one layer after the other.

    Of L layers, layer i has the window from (i + 1) / (L + 2) to (i + 2) / (L + 2) of the training: before it every
    query keeps its mask, after it none does, and within it each keeps it with probability ``(1 - w)^0.9``, w being how
    much of the window is over, drawn anew for every query, image and pass (EoMT's models/eomt.py:72-83,136-150 and
    training/lightning_module.py:199-224; MIT). For its four masked blocks these are its windows; for nine layers they
    are inferred. EoMT anneals a plain ViT with queries among its tokens; nobody has published it for this decoder.

    A trained model needs no masks between its layers. One that is evaluated within the training still does, and draws
    as EoMT does, with the evaluation's own seeds.
    """

    power = 0.9

    def __init__(self, embed_dims: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__(embed_dims, num_heads, dropout)
        self.progress = TrainingProgress()

    @property
    def kept(self) -> float:
        """The probability with which a query keeps its mask."""
        layer, layers = self.place
        over = self.progress.value * (layers + 2) - (layer + 1)
        return (1 - min(max(over, 0.0), 1.0)) ** self.power

    @property
    def needs_masks(self) -> bool:  # type: ignore[override]  # of the others it is a constant
        """Until no mask is kept."""
        return self.kept > 0

    def bias(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor | None:  # type: ignore[override]
        """Where attention is allowed, ``[B, 1, Q, N]``; None for everywhere."""
        if mask_logits is None:
            return None
        inside = super().bias(query, query_position, level, mask_logits)
        if self.kept == 1:
            return inside
        without = torch.rand(mask_logits.shape[:2], device=mask_logits.device) >= self.kept
        return inside | without[:, None, :, None]
