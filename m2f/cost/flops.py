"""Multiply-accumulates of one image in inference, as fvcore counts them, without computing anything.

The model runs on the meta device, whose tensors have shapes and no data. torch's own counter knows convolutions and
matrix products, both of attention's among them; what fvcore counts besides (its flop_count.py) is added here: norms and
bilinear upsampling. Nearest-neighbour upsampling, 0.02 G in an FPN, is left out: torch takes it apart before it can be
counted. The samples of deformable attention cost nothing, as in the paper: to fvcore they are an unknown kernel. FaPN's
deformable convolutions count as the convolutions that they are.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from m2f.models.mask_prediction import resize
from m2f.registry import MODELS

TORCH_PER_MULTIPLY = 2  # torch counts a multiply-accumulate as two operations
BILINEAR = 4  # of one value that is upsampled


def per_input(count: int) -> Callable[..., int]:
    """torch's formula for an operator with ``count`` multiply-accumulates a value of its first input."""
    return lambda shape, *_, **__: TORCH_PER_MULTIPLY * count * prod(shape)


def upsampling(*_: object, out_shape: Sequence[int], **__: object) -> int:
    """torch's formula for bilinear upsampling."""
    return TORCH_PER_MULTIPLY * BILINEAR * prod(out_shape)


FORMULAS = {
    torch.ops.aten._native_batch_norm_legit_no_training: per_input(2),
    torch.ops.aten.native_group_norm: per_input(5),
    torch.ops.aten.native_layer_norm: per_input(5),
    torch.ops.aten.upsample_bilinear2d: upsampling,
}


def flops(model_config: Mapping[str, Any], input_size: tuple[int, int]) -> float:
    """Multiply-accumulates from one image to every query's class logits and mask at the size of the input.

    The model is counted as it is configured. The paper counts the reference's order of operations, which is
    ``transformer_decoder.mask_prediction="dense"``.

    Args:
        model_config: the ``model`` of a config.
        input_size: (height, width) of the padded image in pixels, multiples of 32.
    """
    return flops_of_model(meta_model(model_config), input_size)


def meta_model(model_config: Mapping[str, Any]) -> nn.Module:
    """The model in inference without data. It is built on the CPU: some backbones compute with numbers when built."""
    return MODELS.build(dict(model_config)).to("meta").eval().requires_grad_(False)


def flops_of_model(model: nn.Module, input_size: tuple[int, int]) -> float:
    """:func:`flops` of a model on the meta device."""

    def predict() -> None:
        output = model(torch.empty(1, 3, *input_size, device="meta"))
        resize(output.masks.everything()[-1], input_size)

    return multiply_accumulates(predict)


def multiply_accumulates(run: Callable[[], object]) -> float:
    """Multiply-accumulates of all that ``run`` does with tensors."""
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        run()
    return counter.get_total_flops() / TORCH_PER_MULTIPLY
