"""Sampling dense maps at continuous points, and choosing the points that the mask loss looks at."""

import torch
import torch.nn.functional as F
from torch import Tensor


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
    count = logits.shape[0]
    candidates = random_points(count, int(points * oversample), logits.device)
    uncertain = int(importance * points)
    sampled = sample_points(logits, candidates)[:, 0]  # [M, oversample * points]
    chosen = sampled.abs().topk(uncertain, dim=1, largest=False, sorted=False).indices
    unsure = candidates.gather(1, chosen[..., None].expand(-1, -1, 2))
    return torch.cat([unsure, random_points(count, points - uncertain, logits.device)], dim=1)
