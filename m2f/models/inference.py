"""From class and mask predictions of one image to panoptic, instance and semantic segmentations.

All three follow MaskFormer's post-processing (paper section 4.1). Each asks for the masks of the queries it needs:
those that pass the score filter (panoptic), those among the best scores (instance), all (semantic).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from m2f.models.arguments import require_between

# Whole maps of all queries or classes do not fit a CPU's cache, these parts of them do.
MASKS_AT_ONCE = 8
ROWS_AT_ONCE = 16

# Smaller probabilities are denormal numbers, with which processors of Intel multiply a hundred times as slowly.
NO_VOTE = torch.finfo(torch.float32).tiny

MaskLogits = Callable[[Tensor], Tensor]
"""Gives the mask logits ``[n, H, W]`` at the image's original size of n queries, named by an index vector."""


@dataclass
class PanopticThresholds:
    """Filters of panoptic post-processing; the defaults are the paper's.

    Attributes:
        score: a query counts if its best class is an object class with more than this probability.
        overlap: a segment counts if at least this share of its mask is left after the competition for pixels.
        foreground: a segment has the pixels that it wins with at least this probability; MaskFormer gives it all of
            them (mask_former_model.py:285-286 of its code).
    """

    score: float = 0.8
    overlap: float = 0.8
    foreground: float = 0.5

    def __post_init__(self) -> None:
        """See that they are shares."""
        require_between(0, 1, score=self.score, overlap=self.overlap, foreground=self.foreground)


def panoptic_segmentation(
    class_logits: Tensor,
    mask_logits: MaskLogits,
    is_thing: Sequence[bool],
    size: tuple[int, int],
    thresholds: PanopticThresholds,
) -> tuple[Tensor, list[dict[str, Any]]]:
    """Merge queries into non-overlapping segments (maskformer_model.py:280-345 of the reference).

    Args:
        class_logits: ``[Q, K + 1]``.
        mask_logits: see :data:`MaskLogits`.
        is_thing: whether each of the K classes is a thing.
        size: the original image's ``(H, W)``.
        thresholds: filters.

    Returns:
        A map ``[H, W]`` int32 of segment ids, 0 for none, and per segment ``id, label, isthing, score``.
    """
    segments = torch.zeros(size, dtype=torch.int32, device=class_logits.device)
    infos: list[dict[str, Any]] = []
    scores, labels = class_logits.softmax(dim=-1).max(dim=-1)
    kept = ((labels < class_logits.shape[-1] - 1) & (scores > thresholds.score)).nonzero()[:, 0]
    if len(kept) == 0:
        return segments, infos
    scores, labels = scores[kept], labels[kept]
    probability = mask_logits(kept).sigmoid()  # [n, H, W]
    owner = strongest(scores[:, None, None] * probability)  # [H, W]
    inside = probability >= 0.5
    won = owner.flatten().bincount(minlength=len(kept)).tolist()
    areas = inside.flatten(1).sum(dim=1).tolist()
    stuff_ids: dict[int, int] = {}
    for index, (label, score) in enumerate(zip(labels.tolist(), scores.tolist(), strict=True)):
        if won[index] == 0 or areas[index] == 0 or won[index] / areas[index] < thresholds.overlap:
            continue
        mask = (owner == index) & (probability[index] >= thresholds.foreground)
        if not mask.any():
            continue
        if label in stuff_ids:
            segments[mask] = stuff_ids[label]
            continue
        infos.append({"id": len(infos) + 1, "label": label, "isthing": is_thing[label], "score": score})
        segments[mask] = len(infos)
        if not is_thing[label]:
            stuff_ids[label] = len(infos)
    return segments, infos


def instance_segmentation(
    class_logits: Tensor, mask_logits: MaskLogits, is_thing: Sequence[bool], most: int = 100
) -> tuple[Tensor, Tensor, Tensor]:
    """The best pairs of query and class as instances (maskformer_model.py:349-380 of the reference).

    The best ``most`` of all ``Q x K`` class scores are kept, then those of stuff classes dropped. An instance's score
    is its class score times the mean probability inside its mask.

    Args:
        class_logits: ``[Q, K + 1]``.
        mask_logits: see :data:`MaskLogits`.
        is_thing: whether each of the K classes is a thing.
        most: how many pairs are kept.

    Returns:
        boolean masks ``[n, H, W]``, scores ``[n]``, labels ``[n]``.
    """
    probability = class_logits.softmax(dim=-1)[:, :-1]  # [Q, K]
    classes = probability.shape[1]
    scores, pairs = probability.flatten().topk(min(most, probability.numel()), sorted=False)
    things = torch.tensor(is_thing, device=pairs.device)[pairs % classes]
    scores, pairs = scores[things], pairs[things]
    queries, row = torch.unique(pairs // classes, return_inverse=True)
    parts = [foreground(mask_logits(few)) for few in queries.split(MASKS_AT_ONCE)]
    masks, confidence = (torch.cat(own) for own in zip(*parts, strict=True))
    return masks[row], scores * confidence[row], pairs % classes


def foreground(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Boolean masks ``[n, H, W]`` of logits of that shape, and the mean probability inside each, ``[n]``."""
    masks = logits > 0
    inside = masks.flatten(1).to(logits.dtype)
    return masks, (logits.flatten(1).sigmoid() * inside).sum(1) / (inside.sum(1) + 1e-6)


def mask_boxes(masks: Tensor) -> Tensor:
    """The box of each boolean mask ``[n, H, W]``: its left, top, right and bottom edge, ``[n, 4]`` float32.

    An empty mask's is zero. mmdet's ``mask2bbox`` gives the same, mask by mask, in thirty times the time.
    """
    pixels = masks.view(torch.uint8)  # of which the maximum takes a fiftieth of the time of any()
    sides = [pixels.amax(dim=1), pixels.amax(dim=2)]  # columns [n, W] and rows [n, H] that have a pixel
    first = torch.stack([side.argmax(dim=1) for side in sides], dim=1)  # [n, 2]
    last = torch.stack([side.shape[1] - side.flip(1).argmax(dim=1) for side in sides], dim=1)
    return torch.cat([first, last], dim=1).float() * sides[0].amax(dim=1, keepdim=True)


def semantic_scores(class_logits: Tensor, mask_logits: Tensor) -> Tensor:
    """Score of every class at every pixel: queries vote with their class probability (maskformer_model.py:275-279).

    Args:
        class_logits: ``[Q, K + 1]``.
        mask_logits: ``[Q, H, W]``.

    Returns:
        ``[K, H, W]``.
    """
    votes = class_logits.softmax(dim=-1)[:, :-1].T
    votes = votes.where(votes > NO_VOTE, 0).to(mask_logits.dtype)  # [K, Q]
    return (votes @ mask_logits.sigmoid().flatten(1)).unflatten(1, mask_logits.shape[1:])


def semantic_segmentation(class_logits: Tensor, mask_logits: Tensor) -> Tensor:
    """Class of every pixel, ``[H, W]``, by :func:`semantic_scores`, a few rows of the image at a time.

    Args:
        class_logits: ``[Q, K + 1]``.
        mask_logits: ``[Q, H, W]``.
    """
    strips = mask_logits.split(ROWS_AT_ONCE, dim=1)
    return torch.cat([strongest(semantic_scores(class_logits, strip)) for strip in strips])


def strongest(maps: Tensor) -> Tensor:
    """Index of the largest of the maps at every pixel, ``[n, H, W]`` to ``[H, W]``; 2 to 5 times as fast as argmax."""
    return maps.max(dim=0).indices
