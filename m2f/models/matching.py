"""Bipartite matching of predictions with ground truth, all layers and images at once (paper section 3.3)."""

import logging
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
    mask_logits: Tensor,
    labels: Tensor,
    masks: Tensor,
    weights: tuple[float, float, float],
    focal: bool = False,
) -> Tensor:
    """Cost of giving each target to each query, in float32 (matcher.py:102-151 of the reference).

    Args:
        class_logits: ``[L, B, Q, K + 1]``.
        mask_logits: ``[L, B, Q, P]``, sampled at P points.
        labels: ``[B, N]`` int64, images with fewer targets padded with any valid label.
        masks: ``[L or 1, B, N, P]``, the targets sampled at the same points.
        weights: of the class, cross-entropy and dice costs.
        focal: whether MaskFormer's focal loss takes the place of the cross-entropy.

    Returns:
        ``[L, B, Q, N]``.
    """
    with torch.autocast(class_logits.device.type, enabled=False):
        return _costs(class_logits.float(), mask_logits.float(), labels, masks.float(), weights, focal)


def _costs(
    class_logits: Tensor,
    logits: Tensor,
    labels: Tensor,
    masks: Tensor,
    weights: tuple[float, float, float],
    focal: bool,
) -> Tensor:
    class_weight, entropy_weight, dice_weight = weights
    probability = class_logits.softmax(dim=-1)
    columns = labels[None, :, None].expand(*probability.shape[:3], -1)
    class_cost = -probability.gather(3, columns)
    points = logits.shape[-1]
    transposed = masks.transpose(2, 3)  # [L or 1, B, P, N]
    foreground = logits.sigmoid()
    # What a point costs against a target t is linear in t, so one product serves all targets.
    background, change = _focal_terms(logits, foreground) if focal else (F.softplus(logits), -logits)
    entropy_cost = (background.sum(-1, keepdim=True) + change @ transposed) / points
    overlap = foreground @ transposed
    dice_cost = 1 - (2 * overlap + 1) / (foreground.sum(-1, keepdim=True) + masks.sum(-1)[:, :, None] + 1)
    return class_weight * class_cost + entropy_weight * entropy_cost + dice_weight * dice_cost


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
