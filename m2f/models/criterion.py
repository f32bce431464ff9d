"""The training loss: matching, class cross-entropy, mask cross-entropy and dice over all layers at once."""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from m2f.models.arguments import require_between, require_whole
from m2f.models.mask_prediction import MaskPredictions, resize
from m2f.models.matching import FOCAL_ALPHA, FOCAL_GAMMA, Matches, assign, in_order, matching_costs
from m2f.models.points import random_points, sample_points, uncertain_points
from m2f.models.transformer_decoder import DecoderOutput
from m2f.registry import MODELS


@MODELS.register_module()
class PointCriterion(nn.Module):
    """Set prediction loss on sampled points (paper sections 3.3 and 4.1; criterion.py of the reference).

    Table 5 puts whole masks in the points' place, in matching, in training or in both, as MaskFormer has it: targets
    are resized to the predictions to be matched, predictions to the targets to be trained on (MaskFormer matcher.py and
    criterion.py). With ``focal`` the mask loss and cost are MaskFormer's as well (Table XII(a)).

    Args:
        num_classes: K.
        num_points: points per mask in matching and in the loss; 12544 in the paper.
        class_weight: of the class loss and cost.
        entropy_weight: of the mask cross-entropy, or focal, loss and cost.
        dice_weight: of the dice loss and cost.
        no_object_weight: weight of "no object" in the class loss.
        oversample: candidates drawn per uncertain point.
        importance: share of uncertain points.
        match_on: ``"points"``, or ``"masks"`` for every cell at the predictions' own resolution, 1/4 of the input.
        train_on: ``"points"``, or ``"masks"`` for every pixel of the padded input.
        focal: focal loss in place of the mask cross-entropy.
    """

    def __init__(
        self,
        num_classes: int,
        num_points: int = 12544,
        class_weight: float = 2.0,
        entropy_weight: float = 5.0,
        dice_weight: float = 5.0,
        no_object_weight: float = 0.1,
        oversample: float = 3.0,
        importance: float = 0.75,
        match_on: str = "points",
        train_on: str = "points",
        focal: bool = False,
    ) -> None:
        super().__init__()
        for name, place in (("match_on", match_on), ("train_on", train_on)):
            if place not in ("points", "masks"):
                raise ValueError(f"{name} must be 'points' or 'masks', not {place!r}")
        require_whole(num_points=num_points)
        require_between(0, 1, importance=importance)
        require_between(1, math.inf, oversample=oversample)
        weights = {"class_weight": class_weight, "entropy_weight": entropy_weight, "dice_weight": dice_weight}
        require_between(0, math.inf, **weights, no_object_weight=no_object_weight)
        self.num_classes = num_classes
        self.num_points = num_points
        self.weights = (class_weight, entropy_weight, dice_weight)
        self.oversample = oversample
        self.importance = importance
        self.match_on = match_on
        self.train_on = train_on
        self.focal = focal
        self.class_balance: Tensor
        balance = torch.ones(num_classes + 1)
        balance[-1] = no_object_weight
        self.register_buffer("class_balance", balance, persistent=False)

    def forward(
        self,
        class_logits: Tensor,
        masks: MaskPredictions,
        labels: Sequence[Tensor],
        targets: Sequence[Tensor],
        company: DecoderOutput | None = None,
    ) -> dict[str, Tensor]:
        """The loss and its terms.

        Args:
            class_logits: ``[L, B, Q, K + 1]``.
            masks: the same predictions' masks.
            labels: per image ``[N]`` int64.
            targets: per image boolean ``[N, H, W]`` at the padded input's size.
            company: the predictions of companions, see :meth:`company_loss`.

        Returns:
            ``loss``, the weighted sum that is trained on, and for the log, detached and weighted, each layer's
            ``loss_class``, ``loss_entropy`` and ``loss_dice``, the layers before the last with the prefix ``d0.``,
            ``d1.``, ...; with companions their part of the loss, ``loss_company``.
        """
        matches = self.match(class_logits, masks, labels, targets)
        class_term = self.class_loss(class_logits, matches, labels, masks, targets)
        # Once, with companions or without: a process whose images have no targets has none, and all must meet as often.
        count = mask_count(targets)
        terms = torch.stack([class_term, *self.mask_losses(masks, matches, targets, count)])  # [3, L]
        weighted = terms * terms.new_tensor(self.weights)[:, None]
        result = {"loss": weighted.sum()}
        for name, row in zip(("loss_class", "loss_entropy", "loss_dice"), weighted.detach().unbind(0), strict=True):
            for layer, value in enumerate(row.unbind(0)):
                prefix = "" if layer == len(row) - 1 else f"d{layer}."
                result[prefix + name] = value
        if company:
            own = self.company_loss(company, labels, targets, count)
            result |= {"loss": result["loss"] + own, "loss_company": own.detach()}
        return result

    def company_loss(
        self, company: DecoderOutput, labels: Sequence[Tensor], targets: Sequence[Tensor], count: float
    ) -> Tensor:
        """The weighted loss of companions, in the terms of the queries'; those without a target have none.

        Companion i of an image is paired with its target i in every prediction. The class loss is the mean over the
        pairs of a prediction; mask losses are divided by ``count``, as the queries' are.
        """
        pairs = in_order([len(own) for own in labels], company.masks.layers, company.class_logits.device)
        expected = nn.utils.rnn.pad_sequence(list(labels), batch_first=True)[pairs.image, pairs.target]
        predicted = company.class_logits[pairs.layer, pairs.image, pairs.query]
        class_term = company.masks.layers * F.cross_entropy(predicted, expected)
        terms = [class_term, *(term.sum() for term in self.mask_losses(company.masks, pairs, targets, count))]
        return (torch.stack(terms) * class_term.new_tensor(self.weights)).sum()

    @torch.no_grad()
    def match(
        self, class_logits: Tensor, masks: MaskPredictions, labels: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Matches:
        """Match all layers' predictions; arguments as in :meth:`forward`."""
        return assign(self.costs(class_logits, masks, labels, targets), [len(own) for own in labels])

    def costs(
        self, class_logits: Tensor, masks: MaskPredictions, labels: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Tensor:
        """What it costs to give each target to each query, ``[L, B, Q, N]``; arguments as in :meth:`forward`."""
        predicted, expected = self.matched_on(masks, targets)
        padded_labels = nn.utils.rnn.pad_sequence(list(labels), batch_first=True)
        return matching_costs(class_logits, predicted, padded_labels, expected, self.weights, self.focal)

    def matched_on(self, masks: MaskPredictions, targets: Sequence[Tensor]) -> tuple[Iterator[Tensor], Tensor]:
        """What matching looks at: each layer's predictions ``[B, Q, P]`` and the targets ``[1 or L, B, N, P]``."""
        return self.whole_masks(masks, targets) if self.match_on == "masks" else self.at_random_points(masks, targets)

    def at_random_points(self, masks: MaskPredictions, targets: Sequence[Tensor]) -> tuple[Iterator[Tensor], Tensor]:
        """Each layer's predictions ``[B, Q, P]`` and targets ``[1 or L, B, N, P]`` at points drawn for matching."""
        points = self.matching_points(masks, masks.layers, len(targets), targets[0].device)
        sampled = nn.utils.rnn.pad_sequence(
            [
                sample_points(target[None].float(), own.flatten(0, 1)[None])[0]
                for target, own in zip(targets, points.unbind(1), strict=True)
            ],
            batch_first=True,
        )  # [B, N, sets * P]
        sampled = sampled.unflatten(2, (len(points), -1)).permute(2, 0, 1, 3)
        return masks.at_points(points), sampled

    @staticmethod
    def whole_masks(masks: MaskPredictions, targets: Sequence[Tensor]) -> tuple[Iterator[Tensor], Tensor]:
        """Each layer's predictions ``[B, Q, h * w]`` and targets ``[1, B, N, h * w]``, the latter's nearest pixels."""
        predicted = (masks.at_layer(layer).everything()[0].flatten(2) for layer in range(masks.layers))
        resized = [nearest(target, masks.size).flatten(1) for target in targets]
        return predicted, nn.utils.rnn.pad_sequence(resized, batch_first=True)[None]

    def matching_points(self, masks: MaskPredictions, layers: int, images: int, device: torch.device) -> Tensor:
        """Points for matching, ``[1 or L, B, P, 2]``: as many sets as the masks' way of predicting wants."""
        sets = layers if masks.fresh_points else 1
        return random_points(sets * images, self.num_points, device).unflatten(0, (sets, images))

    def class_loss(
        self,
        class_logits: Tensor,
        matches: Matches,
        labels: Sequence[Tensor],
        masks: MaskPredictions,
        targets: Sequence[Tensor],
    ) -> Tensor:
        """Per layer the weighted mean of the cross-entropy over images and queries, ``[L]``.

        Masks and targets are there for designs whose classes depend on them; these do not.
        """
        expected = torch.full(class_logits.shape[:3], self.num_classes, device=class_logits.device)
        padded_labels = nn.utils.rnn.pad_sequence(list(labels), batch_first=True)
        expected[matches.layer, matches.image, matches.query] = padded_labels[matches.image, matches.target]
        entropy = F.cross_entropy(
            class_logits.flatten(0, 2), expected.flatten(), weight=self.class_balance, reduction="none"
        )
        layers = len(class_logits)
        return entropy.view(layers, -1).sum(1) / self.class_balance[expected].view(layers, -1).sum(1)

    def mask_losses(
        self, masks: MaskPredictions, matches: Matches, targets: Sequence[Tensor], count: float
    ) -> tuple[Tensor, Tensor]:
        """Per layer the cross-entropy and dice losses, each ``[L]``: sums over pairs divided by ``count``."""
        predicted, expected = self.matched(masks, matches, targets)
        entropy = F.binary_cross_entropy_with_logits(predicted, expected, reduction="none")
        if self.focal:
            entropy = entropy * focal_weight(predicted, expected)
        entropy = entropy.mean(1)
        foreground = predicted.sigmoid()
        overlap = (foreground * expected).sum(1)
        dice = 1 - (2 * overlap + 1) / (foreground.sum(1) + expected.sum(1) + 1)
        layers = masks.layers
        return (
            entropy.new_zeros(layers).index_add(0, matches.layer, entropy) / count,
            dice.new_zeros(layers).index_add(0, matches.layer, dice) / count,
        )

    def matched(self, masks: MaskPredictions, matches: Matches, targets: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits and truth of the M matched pairs where the loss looks, each ``[M, P]`` or ``[M, H * W]``."""
        logits = masks.of(matches.layer, matches.image, matches.query)[:, None]  # [M, 1, h, w]
        if self.train_on == "points":
            points = uncertain_points(logits, self.num_points, self.oversample, self.importance)
            return sample_points(logits, points)[:, 0], self.sample_targets(targets, matches, points)
        size = targets[0].shape[-2:]
        expected = logits.new_empty(len(logits), *size)
        for image, own in enumerate(targets):
            rows = matches.image == image
            expected[rows] = own[matches.target[rows]].to(logits.dtype)
        return resize(logits, (size[0], size[1])).flatten(1), expected.flatten(1)

    @staticmethod
    @torch.no_grad()
    def sample_targets(targets: Sequence[Tensor], matches: Matches, points: Tensor) -> Tensor:
        """The matched targets' values at ``points [M, P, 2]``, ``[M, P]``.

        A target is matched in every layer, each time with points of its own; they are sampled in one go, so that no
        mask is copied once per layer.
        """
        layers = int(matches.layer.max()) + 1 if len(points) else 0
        values = points.new_empty(points.shape[:2])
        for image, own in enumerate(targets):
            rows = (matches.image == image).nonzero()[:, 0]
            slot = (matches.target[rows], matches.layer[rows])
            grouped = points.new_zeros(len(own), layers, *points.shape[1:])
            grouped[slot] = points[rows]
            sampled = sample_points(own[:, None].float(), grouped.flatten(1, 2)).unflatten(2, (layers, points.shape[1]))
            values[rows] = sampled[:, 0][slot]
        return values


def focal_weight(logits: Tensor, expected: Tensor) -> Tensor:
    """What the focal loss multiplies the cross-entropy with, so that points which are right count little."""
    foreground = logits.sigmoid()
    wrong = foreground + expected - 2 * foreground * expected  # 1 - p where the target is 1, p where it is 0
    return (1 - FOCAL_ALPHA + (2 * FOCAL_ALPHA - 1) * expected) * wrong**FOCAL_GAMMA


def nearest(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Boolean ``[N, H, W]`` to float ``[N, *size]``, each cell having the value of its nearest pixel."""
    if not len(masks):  # interpolate refuses what has no channels
        return masks.new_zeros(0, *size, dtype=torch.float)
    return F.interpolate(masks[None].float(), size=size, mode="nearest")[0]


def mask_count(targets: Sequence[Tensor]) -> float:
    """Number of targets in the batch, averaged over processes, at least one (criterion.py:225-231)."""
    count = torch.tensor(float(sum(len(own) for own in targets)), device=targets[0].device)
    all_reduce(count)
    return max(count.item() / get_world_size(), 1.0)
