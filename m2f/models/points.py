"""Sampling dense maps at continuous points, and choosing the points that the mask loss looks at."""

import torch
import torch.nn.functional as F
from torch import Tensor

MASKS_AT_ONCE = 16


def sample_points(maps: Tensor, points: Tensor) -> Tensor:
    """Bilinear values of ``maps`` at ``points``; outside the map lies zero.

    Args:
        maps: ``[N, C, H, W]``.
        points: ``[N, P, 2]``, (x, y) in [0, 1], 0 and 1 being the outer edges of the border pixels.

    Returns:
        ``[N, C, P]``.
    """
    return F.grid_sample(maps, 2.0 * points[:, :, None] - 1.0, align_corners=False).squeeze(3)


def random_points(count: int, points: int, device: torch.device) -> Tensor:
    """``count`` sets of ``points`` uniform points, ``[count, points, 2]``."""
    return torch.rand(count, points, 2, device=device)


@torch.no_grad()
def uncertain_points(logits: Tensor, points: int, oversample: float, importance: float) -> Tensor:
    """Points at which the loss is computed: most where the prediction is unsure, the rest uniform (PointRend).

    ``oversample * points`` uniform candidates are drawn for every mask; those whose sampled logit is nearest to zero
    fill ``importance * points`` places, fresh uniform points the others (criterion.py:161-181 of the reference).

    Args:
        logits: ``[M, 1, h, w]``.
        points: how many points a mask gets.
        oversample: candidates per point, at least 1.
        importance: share of uncertain points, in [0, 1].

    Returns:
        ``[M, points, 2]``.
    """
    uncertain = int(importance * points)
    # A few masks at a time: their candidates then stay in a CPU's cache.
    unsure = [_most_uncertain(part, int(points * oversample), uncertain) for part in logits.split(MASKS_AT_ONCE)]
    return torch.cat([torch.cat(unsure), random_points(len(logits), points - uncertain, logits.device)], dim=1)


def _most_uncertain(logits: Tensor, candidates: int, kept: int) -> Tensor:
    """The ``kept`` of random points where the logits ``[M, 1, h, w]`` are nearest to zero, ``[M, kept, 2]``."""
    points = random_points(len(logits), candidates, logits.device)
    chosen = sample_points(logits, points)[:, 0].abs().topk(kept, dim=1, largest=False, sorted=False).indices
    return points.gather(1, chosen[..., None].expand(-1, -1, 2))
