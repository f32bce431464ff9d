"""Mask pilots: companions that are shown their targets' masks (MP-Former, CVPR 2023, arXiv 2303.07336)."""

import torch
from torch import Tensor, nn

from m2f.models.arguments import require_between
from m2f.models.transformer_decoder.companions import Company
from m2f.registry import MODELS


@MODELS.register_module()
class MaskPilots(nn.Module):
    """One pilot a target, which is told the target's class, now and then wrongly, and where it is, and has to draw it.

    Its feature is an embedding of the class, replaced by that of a random class with probability ``label_noise``; in
    every layer the target's cells take the place of its predicted mask; it exchanges with the other pilots of its image
    and with the queries, which do not see it (MP-Former's mask2former_transformer_decoder.py:968-1061,1584-1857 and
    criterion.py:244-300, read for the idea: CC BY-NC 4.0). It is trained in all predictions, the one before the first
    layer too, as the queries are.

    Pilots have no position, since MP-Former's queries have none: ``LearnableQueries`` without ``positions`` is the rest
    of that change, which a row of its own makes. Its noise on masks is 0 in the script that it was trained by, and is
    left out. An image with fewer targets than another of its batch has empty places, which are trained as "no object"
    there; here they are not trained, and no pilot exchanges with them.

    Args:
        num_classes: K.
        embed_dims: D.
        label_noise: the probability of a random class, which may be the right one.
    """

    def __init__(self, num_classes: int, embed_dims: int, label_noise: float = 0.2) -> None:
        super().__init__()
        require_between(0, 1, label_noise=label_noise)
        self.label_noise = label_noise
        self.features = nn.Embedding(num_classes, embed_dims)

    def forward(self, query: Tensor, labels: list[Tensor], masks: list[Tensor]) -> Company:
        """The pilots of a batch.

        Args:
            query: the queries' features ``[B, Q, D]``.
            labels: of each image ``[N]`` int64, of at least one image N > 0.
            masks: of each image boolean ``[N, H, W]``.
        """
        padded = nn.utils.rnn.pad_sequence(labels, batch_first=True)  # [B, E]
        others = torch.randint_like(padded, self.features.num_embeddings)
        shown = torch.where(torch.rand(padded.shape, device=padded.device) < self.label_noise, others, padded)
        counts = torch.tensor([len(own) for own in labels], device=padded.device)
        there = torch.arange(padded.shape[1], device=padded.device) < counts[:, None]
        seen = torch.cat([there.new_ones(query.shape[:2]), there], dim=1)  # [B, Q + E]
        nowhere = query.new_zeros(1, *padded.shape[1:], query.shape[2])
        return Company(self.features(shown), nowhere, masks, seen[:, None].expand(-1, padded.shape[1], -1))
