"""What a lower precision changes in our answers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from m2f.peers import Peer
from m2f.timing.inputs import Inputs
from m2f.timing.works import autocast


@dataclass(frozen=True)
class Difference:
    """How far our answer in a precision is from ours in float32.

    Attributes:
        probability_max: the largest difference of a class probability of a query.
        probability_mean: the mean difference.
        mask_pixels: share of all queries' mask pixels, at 1/4, that are inside in one of the answers alone.
        semantic_pixels: share of pixels of another class; None where the model has no semantic answer.
        panoptic_pixels: share of pixels of another panoptic segment; None where it has no panoptic answer.
    """

    probability_max: float
    probability_mean: float
    mask_pixels: float
    semantic_pixels: float | None
    panoptic_pixels: float | None


@torch.no_grad()
def difference(ours: Peer, inputs: Inputs, precision: str) -> Difference:
    """Predict twice, in float32 and in ``precision``."""
    ours.eval()
    answers = []
    for each in ("float32", precision):
        with autocast(inputs.images.device, each):
            answers.append((ours.decode(inputs.images), ours.predict(inputs.images, inputs.sizes)))
    ((classes, masks), maps), ((other_classes, other_masks), other_maps) = answers
    apart = (classes[-1].float().softmax(-1) - other_classes[-1].float().softmax(-1)).abs()

    def other_pixels(task: str) -> float | None:
        if task not in maps[0]:
            return None
        pairs = zip(maps, other_maps, strict=True)
        return share(torch.stack([one[task].data != other[task].data for one, other in pairs]))

    return Difference(
        probability_max=float(apart.max()),
        probability_mean=float(apart.mean()),
        mask_pixels=share((masks[-1] > 0) != (other_masks[-1] > 0)),
        semantic_pixels=other_pixels("semantic"),
        panoptic_pixels=other_pixels("panoptic"),
    )


def share(where: Tensor) -> float:
    """Of how many it is true."""
    return float(where.float().mean())
