"""A class target and a matching that know how good the mask is (Stable-DINO, ICCV 2023, arXiv 2304.04742)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from m2f.models.criterion import PointCriterion
from m2f.models.layers import without_autocast
from m2f.models.mask_prediction import MaskPredictions
from m2f.models.matching import Matches, matching_costs
from m2f.registry import MODELS


@MODELS.register_module()
class QualityCriterion(PointCriterion):
    """A matched query is to be as sure of its class as its mask is good, and is matched by both together.

    Stable-DINO trains the class of a matched box towards the square of its IoU, scaled so that the best of an image is
    1, and matches by the class's probability times a power of the box's rescaled GIoU (its dn_criterion.py:158-250 and
    matcher.py:110-170; Apache-2.0). Here, with masks and a softmax over classes: u is the IoU of the predicted mask,
    cut at one half, with the target: of the matched pairs' whole masks at 1/4 of the input, where a target counts by
    the share of each cell that it covers, since few points or none may lie on a small object; in the matching, of all
    pairs at its points. The target is ``u^2`` on the class and the rest on "no object", u scaled as there, without a
    gradient; a matched query weighs as one in the mean, so that ``u^2`` is what costs least. The class's cost is
    ``-p * u^0.5``, u not scaled. Never published for Mask2Former, whose instances' scores have the mask's quality in
    them already. Arguments as :class:`~m2f.models.criterion.PointCriterion`.
    """

    power, cost_power = 2.0, 0.5

    def costs(
        self, class_logits: Tensor, masks: MaskPredictions, labels: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Tensor:
        """What it costs to give each target to each query, ``[L, B, Q, N]``; arguments as in ``forward``."""
        drawn, expected = self.matched_on(masks, targets)
        predicted = list(drawn)
        padded_labels = nn.utils.rnn.pad_sequence(list(labels), batch_first=True)
        costs = matching_costs(class_logits, predicted, padded_labels, expected, self.weights, self.focal)
        columns = padded_labels[None, :, None].expand(*class_logits.shape[:3], -1)
        probability = class_logits.float().softmax(dim=3).gather(3, columns)
        return costs + self.weights[0] * probability * (1 - qualities(predicted, expected) ** self.cost_power)

    def class_loss(
        self,
        class_logits: Tensor,
        matches: Matches,
        labels: Sequence[Tensor],
        masks: MaskPredictions,
        targets: Sequence[Tensor],
    ) -> Tensor:
        """Per layer the weighted mean of the cross-entropy with the soft targets, ``[L]``."""
        padded_labels = nn.utils.rnn.pad_sequence(list(labels), batch_first=True)
        share = self.share(matches, masks, targets)
        class_logits = class_logits.float()
        expected = torch.zeros_like(class_logits)
        expected[..., -1] = 1
        pair = (matches.layer, matches.image, matches.query)
        weights = self.class_balance[-1].repeat(expected.shape[:3])
        weights[pair] = 1
        expected[*pair, padded_labels[matches.image, matches.target]] = share
        expected[*pair, torch.full_like(matches.query, self.num_classes)] = 1 - share
        entropy = F.cross_entropy(class_logits.flatten(0, 2), expected.flatten(0, 2), reduction="none")
        return (entropy.view(weights.shape) * weights).sum((1, 2)) / weights.sum((1, 2))

    @torch.no_grad()
    def share(self, matches: Matches, masks: MaskPredictions, targets: Sequence[Tensor]) -> Tensor:
        """``u^2`` of each of the M pairs, ``[M]``, the best of its image and layer having 1."""
        predicted = inside(masks.of(matches.layer, matches.image, matches.query)).flatten(1).float()  # [M, h * w]
        covered = [F.adaptive_avg_pool2d(own[:, None].float(), masks.size).flatten(1) for own in targets]
        expected = nn.utils.rnn.pad_sequence(covered, batch_first=True)[matches.image, matches.target]
        overlap = (predicted * expected).sum(1)
        quality = overlap / (predicted.sum(1) + expected.sum(1) - overlap).clamp(min=1e-6)
        best = quality.new_zeros(masks.layers * len(targets))
        place = matches.layer * len(targets) + matches.image
        best = best.scatter_reduce(0, place, quality, "amax")
        return (quality / best[place].clamp(min=1e-6)) ** self.power


def inside(mask_logits: Tensor) -> Tensor:
    """Where masks cut at one half are, boolean."""
    return mask_logits >= 0


def qualities(predicted: Sequence[Tensor], expected: Tensor) -> Tensor:
    """IoU of all queries' masks, cut at one half, with all targets, ``[L, B, Q, N]``; 0 of two that are empty.

    Args:
        predicted: of each of the L layers logits ``[B, Q, P]``.
        expected: ``[1 or L, B, N, P]``.
    """
    expected = expected.float().expand(len(predicted), -1, -1, -1)
    return torch.stack([iou(inside(own).float(), target) for own, target in zip(predicted, expected, strict=True)])


def iou(one: Tensor, other: Tensor) -> Tensor:
    """IoU of ``[B, Q, P]`` with ``[B, N, P]``, each from 0 to 1, ``[B, Q, N]``."""
    with without_autocast(one.device):  # bfloat16 would round counts
        overlap = one @ other.transpose(1, 2)
    union = one.sum(2)[:, :, None] + other.sum(2)[:, None] - overlap
    return overlap / union.clamp(min=1e-6)
