"""Share of the cross-attention weights that lies on a query's object (paper section C.2, figure I(b))."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from torch import Tensor

from m2f.registry import METRICS


@METRICS.register_module()
class AttentionMass(BaseMetric):
    """Attention weights on foreground and background as fractions: ``fg_32``, ``bg_32``, ..., ``fg_avg``, ``bg_avg``.

    The numbers are strides, ``avg`` is the mean over the resolutions that the decoder reads. The foreground of a query
    is "the matching ground truth" of the paper: the segment that the model's own matching gives to its last prediction.

    The paper leaves open how weights and segments of different resolutions meet, which layers count and how queries are
    averaged; this is inferred. A segment is resized to the level by area, so that a cell on its border counts in
    part; uniform attention then has exactly the segment's share of the area. Each resolution is that of the last layer
    that reads it ("the last three attention maps"). Queries that match nothing have no foreground and do not count;
    all others count alike, whatever their image. Padding is background.

    Reads what ``AttentionInspector`` sets on a sample. Without any matched query there are no values and no keys.
    """

    default_prefix = ""

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's foreground masses by stride, one a matched query."""
        for sample in data_samples:
            self.results.append(
                {
                    stride: foreground_mass(weights, sample["attended_masks"]).cpu()
                    for stride, weights in sample["attention_maps"].items()
                }
            )

    def compute_metrics(self, results: list[dict[int, Tensor]]) -> dict[str, float]:
        """Average over queries, then over resolutions."""
        masses = {stride: torch.cat([image[stride] for image in results]) for stride in results[0]}
        foreground = {str(stride): float(mass.mean()) for stride, mass in masses.items() if len(mass)}
        if not foreground:
            return {}
        foreground["avg"] = sum(foreground.values()) / len(foreground)
        return {
            f"{part}_{name}": value
            for name, mass in foreground.items()
            for part, value in (("fg", mass), ("bg", 1 - mass))
        }


def foreground_mass(weights: Tensor, masks: Tensor) -> Tensor:
    """Share of each attention map on its mask.

    Args:
        weights: ``[n, h, w]``, each summing to one.
        masks: boolean ``[n, H, W]`` at the size of the network's input.

    Returns:
        ``[n]`` float64, in [0, 1].
    """
    share = F.interpolate(masks[:, None].double(), size=weights.shape[-2:], mode="area")[:, 0]
    return (weights * share).sum(dim=(1, 2))
