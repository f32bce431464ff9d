"""Mask logits from query embeddings and per-pixel features, computed where they are needed or densely.

Resizing and point sampling are linear in the features, so both commute with the dot product that makes a mask logit.
``EmbeddedMasks`` uses that and never holds a dense mask that nobody asked for; ``DenseMasks`` keeps the reference's
own order of operations (every mask at 1/4 resolution after every layer) for parity and for the paper's costs.
Given the same points both give the same numbers up to float32 rounding, gradients included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from m2f.models.points import sample_points


class MaskPredictions(Protocol):
    """What the matcher, the criterion and the post-processing ask of a decoder's masks.

    L predictions (before the first layer and after every layer), B images, Q queries, features at ``h x w``.

    Attributes:
        fresh_points: whether matching draws points for every layer, as the reference does, or once for all.
    """

    fresh_points: ClassVar[bool]

    @property
    def layers(self) -> int:
        """L."""

    @property
    def size(self) -> tuple[int, int]:
        """``(h, w)``."""

    def at_points(self, points: Tensor) -> Iterator[Tensor]:
        """Logits ``[B, Q, P]`` at ``points [L, B, P, 2]``, or ``[1, B, P, 2]`` for all layers, one layer at a time."""

    def of(self, layer: Tensor, image: Tensor, query: Tensor) -> Tensor:
        """Logits ``[M, h, w]`` of the M predictions named by three index vectors."""

    def answer(self, image: int, query: Tensor) -> Tensor:
        """Logits ``[n, h, w]`` of the last prediction's queries, named by an index vector, for one image."""

    def everything(self) -> Tensor:
        """All logits, ``[L, B, Q, h, w]``."""

    def at_layer(self, layer: int) -> "MaskPredictions":
        """One prediction alone, L being 1."""

    def of_queries(self, queries: slice) -> "MaskPredictions":
        """Those of some of the queries."""


@dataclass
class EmbeddedMasks:
    """Masks as ``embeddings [L, B, Q, D]`` and ``features [B, D, h, w]``."""

    embeddings: Tensor
    features: Tensor
    fresh_points: ClassVar[bool] = False

    @property
    def layers(self) -> int:
        """L."""
        return len(self.embeddings)

    @property
    def size(self) -> tuple[int, int]:
        """``(h, w)``."""
        return self.features.shape[2], self.features.shape[3]

    def at_points(self, points: Tensor) -> Iterator[Tensor]:
        """See :class:`MaskPredictions`; the features are sampled once where all layers share the points."""
        sampled = None
        for layer, embeddings in enumerate(self.embeddings):
            if sampled is None or len(points) > 1:
                sampled = sample_points(self.features, points[layer])  # [B, D, P]
            yield embeddings @ sampled

    def of(self, layer: Tensor, image: Tensor, query: Tensor) -> Tensor:
        """See :class:`MaskPredictions`; one matrix product an image, also where it has no rows: gradients stay tied."""
        picked = self.embeddings[layer, image, query]  # [M, D]
        rows = [(image == index).nonzero()[:, 0] for index in range(len(self.features))]
        # Unbound together, as the gradient of one image taken by its index holds zeros for all the others; and cells
        # first, the layout in which a CPU's convolutions have them.
        images = self.features.permute(0, 2, 3, 1).flatten(1, 2).unbind(0)  # [h * w, D] each
        products = [picked[own] @ features.T for own, features in zip(rows, images, strict=True)]
        return torch.cat(products)[torch.cat(rows).argsort()].unflatten(1, self.features.shape[-2:])

    def answer(self, image: int, query: Tensor) -> Tensor:
        """See :class:`MaskPredictions`."""
        product = self.embeddings[-1, image, query] @ self.features[image].flatten(1)
        return product.unflatten(1, self.features.shape[-2:])

    def everything(self) -> Tensor:
        """See :class:`MaskPredictions`."""
        return torch.einsum("lbqd,bdhw->lbqhw", self.embeddings, self.features)

    def at_layer(self, layer: int) -> "EmbeddedMasks":
        """See :class:`MaskPredictions`."""
        return EmbeddedMasks(self.embeddings[layer, None], self.features)

    def of_queries(self, queries: slice) -> "EmbeddedMasks":
        """See :class:`MaskPredictions`."""
        return EmbeddedMasks(self.embeddings[:, :, queries], self.features)


@dataclass
class DenseMasks:
    """Masks as ``logits [L, B, Q, h, w]``, the reference's way."""

    logits: Tensor
    fresh_points: ClassVar[bool] = True

    @property
    def layers(self) -> int:
        """L."""
        return len(self.logits)

    @property
    def size(self) -> tuple[int, int]:
        """``(h, w)``."""
        return self.logits.shape[3], self.logits.shape[4]

    def at_points(self, points: Tensor) -> Iterator[Tensor]:
        """See :class:`MaskPredictions`."""
        for logits, own in zip(self.logits, points.expand(self.layers, -1, -1, -1), strict=True):
            yield sample_points(logits, own)

    def of(self, layer: Tensor, image: Tensor, query: Tensor) -> Tensor:
        """See :class:`MaskPredictions`."""
        return self.logits[layer, image, query]

    def answer(self, image: int, query: Tensor) -> Tensor:
        """See :class:`MaskPredictions`."""
        return self.logits[-1, image, query]

    def everything(self) -> Tensor:
        """See :class:`MaskPredictions`."""
        return self.logits

    def at_layer(self, layer: int) -> "DenseMasks":
        """See :class:`MaskPredictions`."""
        return DenseMasks(self.logits[layer, None])

    def of_queries(self, queries: slice) -> "DenseMasks":
        """See :class:`MaskPredictions`."""
        return DenseMasks(self.logits[:, :, queries])


# An exported model gives them back.
for masks in (EmbeddedMasks, DenseMasks):
    torch.export.register_dataclass(masks, serialized_type_name=f"m2f.{masks.__name__}")


def dense_logits(embeddings: Tensor, features: Tensor) -> Tensor:
    """Every query's mask: ``[B, Q, D]`` and ``[B, D, h, w]`` to ``[B, Q, h, w]``."""
    return torch.einsum("bqd,bdhw->bqhw", embeddings, features)


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of ``[B, C, h, w]`` to ``[B, C, *size]`` as the reference does it: half-pixel, no antialias."""
    if maps.shape[-2:] == size:
        return maps
    if maps.shape[1] == 0:  # interpolate refuses what has no channels
        return maps.new_empty(*maps.shape[:2], *size)
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
