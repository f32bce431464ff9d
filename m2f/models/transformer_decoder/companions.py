"""Companions: further queries in training alone, which know something of the targets and learn beside the queries.

A design is a module ``companions(query [B, Q, D], labels, masks) -> Company`` that is built with ``num_classes`` and
``embed_dims``. Companion i of an image is paired with its target i in every prediction, whatever the matching says.
What the queries compute is what they compute without them: no query sees a companion, in no attention.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# A mask's logit inside and, negated, outside: its probability differs from one by less than half precision can say.
SURE = 10.0


@dataclass
class Company:
    """The companions of one training step, E an image.

    Attributes:
        features: ``[B, E, D]``.
        positions: ``[B, E, D]``, or 1 in place of B.
        masks: of each image boolean ``[N, H, W]`` at the padded input's size: where its first N companions may look in
            every layer, in place of their own predicted masks; everywhere if one is empty, and the others too.
        seen: boolean ``[B, E, Q + E]``, which queries and companions each exchanges with.
    """

    features: Tensor
    positions: Tensor
    masks: Sequence[Tensor]
    seen: Tensor
    _forced: dict[tuple[tuple[int, int], ...], Tensor] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """E."""
        return self.features.shape[1]

    def joined(self, query: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Queries ``[B, Q, D]`` and positions with the companions behind them, both ``[B, Q + E, D]``."""
        images = len(query)
        positions = [own.expand(images, -1, -1) for own in (position, self.positions)]
        return torch.cat([query, self.features], dim=1), torch.cat(positions, dim=1)

    def forced(self, mask_logits: Tensor, sizes: tuple[tuple[int, int], ...]) -> Tensor:
        """Mask logits ``[B, Q + E, N]`` whose last E are not the predicted masks' but the companions' own.

        A cell counts if any of its pixels does, so that no small object vanishes.
        """
        if sizes not in self._forced:
            inside = nn.utils.rnn.pad_sequence([any_pixel(own, sizes) for own in self.masks], batch_first=True)
            inside = F.pad(inside, (0, 0, 0, self.number - inside.shape[1]))
            self._forced[sizes] = SURE * (2 * inside - 1)
        own = self._forced[sizes].to(mask_logits.dtype)
        return torch.cat([mask_logits[:, : -self.number], own], dim=1)

    def visible(self) -> Tensor:
        """Who exchanges with whom, boolean ``[B, 1, Q + E, Q + E]``: queries with queries, companions as they say."""
        queries = self.seen.shape[2] - self.number
        among = self.seen.new_ones(len(self.seen), queries, queries)
        return torch.cat([F.pad(among, (0, self.number)), self.seen], dim=1)[:, None]

    def apart(self, read: nn.Module, query: Tensor, position: Tensor, level: object, logits: Tensor | None) -> Tensor:
        """A cross-attention of queries, and then of companions: some let the queries of an image compete.

        One in which companions would compete for what their masks promise them says by ``of_companions`` what they
        read, with ``forward``'s arguments.
        """
        sizes = [query.shape[1] - self.number, self.number]
        masks = [None, None] if logits is None else logits.split(sizes, dim=1)
        parts = zip(query.split(sizes, dim=1), position.split(sizes, dim=1), masks, strict=True)
        reads = (read, getattr(read, "of_companions", read))
        return torch.cat([one(*part, level, own) for one, (*part, own) in zip(reads, parts, strict=True)], dim=1)


def any_pixel(masks: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
    """1 in each size's cells that have a pixel of boolean ``[N, H, W]``, 0 in others; one size after the other."""
    pixels = masks.float()[:, None]
    return torch.cat([F.adaptive_max_pool2d(pixels, size).flatten(1) for size in sizes], dim=1)
