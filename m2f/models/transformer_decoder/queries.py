"""What the decoder starts from: the queries' features and their position embeddings.

A design is a subclass of ``Queries`` with ``queries(seen) -> (features [B, Q, D], positions [1 or B, Q, D])``. What it
has ``seen`` of the images it may use or not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from m2f.models.arguments import require_whole
from m2f.registry import MODELS


@dataclass
class Seen:
    """What queries may know of the images before they begin.

    Attributes:
        pyramid: ``[B, D, h, w]`` at 1/32, 1/16 and 1/8, as the pixel decoder gives it.
        mask_features: ``[B, D, H/4, W/4]``.
        classify: class logits ``[B, n, K + 1]`` of any tokens ``[B, n, D]``, by the decoder's own norm and classifier.
    """

    pyramid: Sequence[Tensor]
    mask_features: Tensor
    classify: Callable[[Tensor], Tensor]

    @property
    def images(self) -> int:
        """B."""
        return len(self.mask_features)


class Queries(nn.Module):
    """What designs of queries say of themselves.

    Attributes:
        supervised: whether the features' own prediction, before any layer, is trained on.
        detached: whether that prediction alone trains the features: no gradient flows into them from the layers.
    """

    supervised = False
    detached = False


@MODELS.register_module()
class LearnableQueries(Queries):
    """Learnable query features, supervised before the first layer, and learnable positions (paper section 3.2.3).

    Both are drawn from a standard normal, as the reference's embeddings are. Without supervision (Table XI(b)) the
    features' own masks are still predicted and steer the first layer: the paper prints 226 GFLOPs for every row of that
    table, which is what ten dense mask predictions take and nine do not.

    Args:
        num_queries: Q.
        embed_dims: D.
        supervised: whether the loss sees the features' own prediction.
        with_positions: whether queries have positions; the paper's have. MP-Former's (CVPR 2023) have none.
    """

    def __init__(self, num_queries: int, embed_dims: int, supervised: bool = True, with_positions: bool = True) -> None:
        super().__init__()
        require_whole(num_queries=num_queries)
        self.supervised = supervised
        self.features = nn.Embedding(num_queries, embed_dims)
        self.positions = nn.Embedding(num_queries, embed_dims) if with_positions else None

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Features ``[B, Q, D]`` and positions ``[1, Q, D]``."""
        features = self.features.weight
        positions = torch.zeros_like(features) if self.positions is None else self.positions.weight
        return features.expand(seen.images, -1, -1), positions[None]


@MODELS.register_module()
class ZeroQueries(Queries):
    """Query features that start from zero, as in DETR; positions are learnable (paper section C.3).

    Equal features predict equal masks, so in the first layer of masked attention all queries see one region, which the
    mask head's biases choose, and tell apart only by their positions. That this prediction is made, not skipped, is
    inferred from the 226 GFLOPs of Table XI(b); a vector that nothing can learn from is not supervised.

    Args:
        num_queries: Q.
        embed_dims: D.
    """

    def __init__(self, num_queries: int, embed_dims: int) -> None:
        super().__init__()
        require_whole(num_queries=num_queries)
        self.positions = nn.Embedding(num_queries, embed_dims)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Features ``[B, Q, D]`` and positions ``[1, Q, D]``."""
        return torch.zeros_like(self.positions.weight).expand(seen.images, -1, -1), self.positions.weight[None]
