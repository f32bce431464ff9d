"""Bipartite matching of predictions with ground truth, all layers and images at once (paper section 3.3)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from scipy.optimize import linear_sum_assignment
from torch import Tensor

FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0  # MaskFormer criterion.py:33


@dataclass
class Matches:
    """Matched pairs of all layers and images as index vectors of equal length M, on the predictions' device.

    Attributes:
        layer: which prediction of the L the pair belongs to.
        image: which image of the batch.
        query: which query.
        target: which ground-truth segment of that image.
    """

    layer: Tensor
    image: Tensor
    query: Tensor
    target: Tensor


@torch.no_grad()
def matching_costs(
    class_logits: Tensor,
    mask_logits: Iterable[Tensor],
    labels: Tensor,
    masks: Tensor,
    weights: tuple[float, float, float],
    focal: bool = False,
) -> Tensor:
    """Cost of giving each target to each query, in float32 (matcher.py:102-151 of the reference).

    Args:
        class_logits: ``[L, B, Q, K + 1]``.
        mask_logits: of each of the L layers ``[B, Q, P]``, sampled at P points. Where they are computed as they are
            asked for, no more than one layer's are held.
        labels: ``[B, N]`` int64, images with fewer targets padded with any valid label.
        masks: ``[L or 1, B, N, P]``, the targets sampled at the same points.
        weights: of the class, cross-entropy and dice costs.
        focal: whether MaskFormer's focal loss takes the place of the cross-entropy.

    Returns:
        ``[L, B, Q, N]``.
    """
    expected = masks.expand(len(class_logits), -1, -1, -1)
    mask_costs = [_mask_cost(logits, own, weights, focal) for logits, own in zip(mask_logits, expected, strict=True)]
    probability = class_logits.float().softmax(dim=-1)
    columns = labels[None, :, None].expand(*probability.shape[:3], -1)
    return torch.stack(mask_costs) - weights[0] * probability.gather(3, columns)


def _mask_cost(logits: Tensor, masks: Tensor, weights: tuple[float, float, float], focal: bool) -> Tensor:
    """``[B, Q, N]`` from one layer's logits ``[B, Q, P]`` and targets ``[B, N, P]``."""
    _, entropy_weight, dice_weight = weights
    with torch.autocast(logits.device.type, enabled=False):
        logits, masks = logits.float(), masks.float()
        transposed = masks.transpose(1, 2)  # [B, P, N]
        foreground = logits.sigmoid()
        # What a point costs against a target t is linear in t, so one product serves all targets.
        if focal:
            background, change = _focal_terms(logits, foreground)
            entropy_cost = background.sum(-1, keepdim=True) + change @ transposed
        else:
            entropy_cost = F.softplus(logits).sum(-1, keepdim=True) - logits @ transposed
        overlap = foreground @ transposed
        dice_cost = 1 - (2 * overlap + 1) / (foreground.sum(-1, keepdim=True) + masks.sum(-1)[:, None] + 1)
    return entropy_weight / logits.shape[-1] * entropy_cost + dice_weight * dice_cost


def _focal_terms(logits: Tensor, foreground: Tensor) -> tuple[Tensor, Tensor]:
    """The focal loss of every point as background, and what is added where the target is foreground."""
    background = (1 - FOCAL_ALPHA) * foreground**FOCAL_GAMMA * F.softplus(logits)
    return background, FOCAL_ALPHA * (1 - foreground) ** FOCAL_GAMMA * F.softplus(-logits) - background


def assign(costs: Tensor, counts: list[int]) -> Matches:
    """Cheapest assignment for every layer and image, from one copy of all costs to the CPU.

    Costs that are not finite would make the assignment fail for the whole batch; they count as very expensive, and a
    warning says how many there were.

    Args:
        costs: ``[L, B, Q, N]``.
        counts: how many of the N targets each image really has.
    """
    table = costs.cpu().numpy()
    broken = ~np.isfinite(table)
    if broken.any():
        print_log(f"{int(broken.sum())} matching costs are not finite", logger="current", level=logging.WARNING)
        table = np.where(broken, 1e6, table)
    rows = []
    for layer in range(table.shape[0]):
        for image, count in enumerate(counts):
            query, target = linear_sum_assignment(table[layer, image, :, :count])
            rows.append(np.stack([np.full_like(query, layer), np.full_like(query, image), query, target]))
    indices = torch.as_tensor(np.concatenate(rows, axis=1), device=costs.device)
    return Matches(*indices.unbind(0))


def in_order(counts: list[int], layers: int, device: torch.device) -> Matches:
    """Pairs that are given: in each of the layers, query i of an image with its target i.

    Args:
        counts: how many targets each image has.
        layers: L.
        device: of the predictions.
    """
    pairs = [(image, target) for image, count in enumerate(counts) for target in range(count)]
    image, target = torch.tensor(pairs, dtype=torch.long, device=device).view(-1, 2).repeat(layers, 1).unbind(1)
    layer = torch.arange(layers, device=device).repeat_interleave(len(pairs))
    return Matches(layer, image, target, target)
