"""Multiply-accumulates of a training step, forward and backward, as :mod:`m2f.cost.flops` counts them."""

from collections.abc import Mapping
from typing import Any

import torch

from m2f.cost.flops import multiply_accumulates
from m2f.cost.gpu_rules import GpuRules
from m2f.cost.memory import kernels, stand_ins
from m2f.models.without_data import learning_model


def training_flops(
    model_config: Mapping[str, Any], image_size: tuple[int, int] = (1024, 1024), targets: int = 11
) -> float:
    """Multiply-accumulates of one image's forward pass, matching, loss and backward pass.

    What torch's counter and fvcore leave out is left out here too: sampling at points, element by element losses, the
    optimizer.

    Args:
        model_config: the ``model`` of a config.
        image_size: (height, width) in pixels, multiples of 32.
        targets: segments of the image; COCO has 11 on average.
    """
    model = learning_model(model_config)
    rules = GpuRules(mixed_precision=False, kernels=kernels(dense=False))
    image = torch.empty(1, 3, *image_size, device="meta")
    labels = [torch.empty(targets, dtype=torch.long, device="meta")]
    masks = [torch.empty(targets, *image_size, dtype=torch.bool, device="meta")]

    def step() -> None:
        output = model.decode(image, all_layers=True, truth=(labels, masks))
        model.criterion(output.class_logits, output.masks, labels, masks, output.company)["loss"].backward()

    with stand_ins(rules), rules:
        return multiply_accumulates(step, gradients=True)
