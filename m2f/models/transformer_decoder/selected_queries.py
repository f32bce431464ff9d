"""Queries that are chosen from the pixels (two-stage; Mask DINO, CVPR 2023, arXiv 2206.02777)."""

import torch
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor, nn

from m2f.models.arguments import require_whole
from m2f.models.layers import xavier_linear
from m2f.models.transformer_decoder.queries import Queries, Seen
from m2f.registry import MODELS


@MODELS.register_module()
class SelectedQueries(Queries):
    """The cells of the pyramid to which the decoder's own classifier gives the largest logit of some class.

    Every cell of 1/32, 1/16 and 1/8 becomes a token ``LayerNorm(W x)``; its score is its best class logit, "no object"
    left out; the best Q are the queries' features. Their own class and mask are trained as any prediction's, and the
    layers go on from them without a gradient (maskdino_decoder.py:363-470; Apache-2.0). Positions are the sine
    embeddings of the chosen cells: Mask DINO's come from boxes that a head predicts, which are not here.

    Mask DINO's classes have a sigmoid each, ours one softmax: there the largest logit is the surest class, here nearly
    so. Many of the cells may lie on one object, and stuff has no cell that is its centre: nothing makes the choice
    diverse. Mask DINO itself does not choose queries for semantic segmentation of ADE20K (its TWO_STAGE is off there).

    Args:
        num_queries: Q; of images with fewer cells all cells are queries.
        embed_dims: D.
    """

    supervised = True
    detached = True

    def __init__(self, num_queries: int, embed_dims: int) -> None:
        super().__init__()
        require_whole(num_queries=num_queries)
        self.num_queries = num_queries
        self.token = nn.Sequential(xavier_linear(embed_dims, embed_dims), nn.LayerNorm(embed_dims))
        self.position_encoding = SinePositionalEncoding(embed_dims // 2, normalize=True)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Features and positions, both ``[B, Q, D]``, or of all N cells ``[B, N, D]`` if there are fewer than Q."""
        tokens = self.token(torch.cat([level.flatten(2).transpose(1, 2) for level in seen.pyramid], dim=1))
        # Not under no_grad: autocast of PyTorch 2.9 keeps what it casts there, and later uses would have no gradient.
        scores = seen.classify(tokens).detach()[..., :-1].amax(dim=2)
        chosen = strongest(scores, self.num_queries).expand(-1, -1, tokens.shape[2])
        positions = torch.cat([self._positions(level) for level in seen.pyramid], dim=1)
        return tokens.gather(1, chosen), positions.expand(seen.images, -1, -1).gather(1, chosen)

    def _positions(self, level: Tensor) -> Tensor:
        """Sine embeddings of a level's cells, ``[1, h * w, D]``."""
        unmasked = torch.zeros(1, *level.shape[2:], dtype=torch.bool, device=level.device)
        return self.position_encoding(unmasked).flatten(2).transpose(1, 2)


def strongest(scores: Tensor, count: int) -> Tensor:
    """Which of the cells have the largest ``scores [B, N]``, ``[B, count, 1]``; all N if there are no more."""
    return scores.topk(min(count, scores.shape[1]), dim=1).indices[..., None]
