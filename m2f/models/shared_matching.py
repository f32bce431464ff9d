"""One matching for all layers (kMaX-DeepLab, ECCV 2022, arXiv 2207.04044)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from m2f.models.criterion import PointCriterion
from m2f.models.mask_prediction import MaskPredictions
from m2f.models.matching import Matches
from m2f.registry import MODELS


@MODELS.register_module()
class SharedMatchingCriterion(PointCriterion):
    """The last layer's prediction alone is matched, and every layer is trained on its pairs.

    As ``SHARE_FINAL_MATCHING`` of bytedance/kmax-deeplab (its criterion.py:424-452; Apache-2.0), where it is on; no
    paper shows it alone. Of L assignments L - 1 are saved. The prediction before the first layer is then trained to be
    what the last layer decides, too. Arguments as :class:`~m2f.models.criterion.PointCriterion`.
    """

    @torch.no_grad()
    def match(
        self, class_logits: Tensor, masks: MaskPredictions, labels: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Matches:
        """The pairs of the last prediction, for each; arguments as in ``forward``."""
        layers = len(class_logits)
        last = super().match(class_logits[-1:], masks.at_layer(-1), labels, targets)
        layer = torch.arange(layers, device=last.layer.device).repeat_interleave(len(last.layer))
        return Matches(layer, *(own.repeat(layers) for own in (last.image, last.query, last.target)))
