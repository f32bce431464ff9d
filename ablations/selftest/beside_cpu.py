"""Every design on the device beside the CPU: loss, gradients and prediction, in float32.

The CPU computes in the reference's order of operations, with masks predicted densely and deformable attention by grid
sampling, so that on a CPU too it is one formulation beside another. There the largest differences of all designs were
8.1e-8 of a loss, 3.9e-6 of a gradient's norm and 2.4e-7 of a probability; bounds leave room for another device's
rounding.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from ablations.costs.counted import with_masks
from ablations.selftest.choices import Choice, Decide, choosing, recording, repeating, same_points, without_dropout
from ablations.selftest.designs import batch, built
from ablations.selftest.findings import Difference, relative
from m2f.engine.precision import set_precision
from m2f.models import Mask2Former

LOSS, GRADIENTS, PROBABILITIES, PIXELS, CHOSEN = 1e-4, 1e-2, 1e-3, 0.01, 0.05  # bounds
SMALLEST = 1e-3  # of all gradients' norm: what a parameter's is at least taken for
NOISE = 0.02  # standard deviation of what weights are moved by
HAS_KERNEL = "m2f.models.pixel_decoders.deformable_sampling.has_kernel"


@dataclass(frozen=True)
class Outcome:
    """What a design computes, on the CPU.

    Attributes:
        loss: of a batch.
        gradients: by parameter.
        probabilities: of the last layer's classes and masks, one after the other.
        classes: of the predicted pixels.
    """

    loss: float
    gradients: Mapping[str, Tensor]
    probabilities: Tensor
    classes: Tensor


def beside_cpu(config: Mapping[str, Any], device: torch.device) -> Iterable[Difference]:
    """A design's differences from the CPU."""
    set_precision({})
    choices: list[Choice] = []
    apart: list[float] = []
    with patch(HAS_KERNEL, lambda value: False):
        expected = outcome(quiet(with_masks(config, "dense")), recording(choices))
    found = outcome(quiet(config).to(device), repeating(choices, device, apart))
    yield "loss", relative(found.loss, expected.loss), LOSS
    yield "gradients", gradient_difference(found.gradients, expected.gradients), GRADIENTS
    probabilities = (found.probabilities - expected.probabilities).abs().max().item()
    yield "probabilities", probabilities, PROBABILITIES
    yield "predicted pixels", (found.classes != expected.classes).float().mean().item(), PIXELS
    yield "choices", max(apart), CHOSEN


def quiet(config: Mapping[str, Any]) -> Mask2Former:
    """A design's model that leaves nothing to chance.

    As it is drawn, deformable attention looks at the very centres of cells, where bilinear samples have a gradient to
    either side and rounding says which; so all weights are moved a little.
    """
    model = built(config)
    without_dropout(model)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(NOISE * torch.randn(parameter.shape, generator=draw))
    return model


def outcome(model: Mask2Former, decide: Decide) -> Outcome:
    """A training step without update, and a prediction, where the model is."""
    data = model.data_preprocessor(batch(num_classes=3), training=True)
    with same_points(), choosing(decide):
        loss = model.train()(**data, mode="loss")["loss"]
        loss.backward()
        with torch.no_grad():
            output = model.eval().decode(data["inputs"], all_layers=False)
            samples = model(**data, mode="predict")
    scores = [output.class_logits[-1].softmax(-1), output.masks.at_layer(-1).everything().sigmoid()]
    return Outcome(
        loss=loss.item(),
        gradients={name: own.grad.cpu() for name, own in model.named_parameters() if own.grad is not None},
        probabilities=torch.cat([own.flatten().cpu() for own in scores]),
        classes=torch.cat([sample.pred_sem_seg.data.flatten().cpu() for sample in samples]),
    )


def gradient_difference(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> float:
    """The largest difference of a parameter's gradient as a share of its norm.

    Gradients that are zero but for rounding are taken for larger than they are. Other parameters with a gradient are
    infinitely far apart.
    """
    if found.keys() != expected.keys():
        return torch.inf
    norms = torch.stack([own.norm() for own in expected.values()])
    apart = torch.stack([(found[name] - own).norm() for name, own in expected.items()])
    return (apart / norms.clamp(min=SMALLEST * norms.norm())).max().item()
