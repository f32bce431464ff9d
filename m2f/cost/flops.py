"""Multiply-accumulates of one image in inference, as fvcore counts them, without computing anything.

The model runs on the meta device, whose tensors have shapes and no data. torch's own counter knows convolutions and
matrix products, both of attention's among them; what fvcore counts besides (its flop_count.py) is added here: norms and
bilinear upsampling, and for models that do compute a CPU's own attention. Nearest-neighbour upsampling, 0.02 G in an
FPN, is left out: torch takes it apart before it can be counted. The samples of deformable attention cost nothing, as in
the paper: to fvcore they are an unknown kernel. FaPN's deformable convolutions count as the convolutions that they are.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from m2f.cost.images import Images
from m2f.cost.remembered import Remembered
from m2f.models.inference import semantic_scores
from m2f.models.mask_prediction import resize
from m2f.models.transformer_decoder.decoder import PYRAMID
from m2f.models.without_data import meta_module

TORCH_PER_MULTIPLY = 2  # torch counts a multiply-accumulate as two operations
BILINEAR = 4  # of one value that is upsampled


def per_input(count: int) -> Callable[..., int]:
    """torch's formula for an operator with ``count`` multiply-accumulates a value of its first input."""
    return lambda shape, *_, **__: TORCH_PER_MULTIPLY * count * prod(shape)


def upsampling(*_: object, out_shape: Sequence[int], **__: object) -> int:
    """torch's formula for bilinear upsampling."""
    return TORCH_PER_MULTIPLY * BILINEAR * prod(out_shape)


def convolution_backward(
    gradient_shape: Sequence[int],
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    bias: object,
    stride: object,
    padding: object,
    dilation: object,
    transposed: bool,
    output_padding: object,
    groups: int,
    wanted: Sequence[bool],
    **_: object,
) -> int:
    """torch's formula for the gradients of a convolution, each of which costs what the convolution does.

    torch's own counts the weight's gradient as if there were no groups.
    """
    positions = prod(input_shape if transposed else gradient_shape)
    return TORCH_PER_MULTIPLY * sum(wanted[:2]) * positions * prod(weight_shape[1:])


def attention(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: object, **__: object) -> int:
    """torch's formula for the other kernels of attention."""
    return sdpa_flop_count(query, key, value)


def attention_backward(
    gradient: Sequence[int], query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: object, **__: object
) -> int:
    """The same of its gradients."""
    return sdpa_backward_flop_count(gradient, query, key, value)


FORMULAS = {
    torch.ops.aten.convolution_backward: convolution_backward,
    torch.ops.aten._native_batch_norm_legit_no_training: per_input(2),
    torch.ops.aten.native_group_norm: per_input(5),
    torch.ops.aten.native_layer_norm: per_input(5),
    torch.ops.aten.upsample_bilinear2d: upsampling,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_backward,
}


def flops(model_config: Mapping[str, Any], images: Images, every_layer: bool = False) -> float:
    """Multiply-accumulates from one image to every query's class logits and mask, mean over the images.

    A semantic model's answer is the classes' sum of masks, whose product the numbers of Table V contain: without
    it, all of them would come out 4 G (crop 512) or 6 G (crop 640) too low.

    The model is counted as it is configured. The paper counts the reference's order of operations, which is
    ``transformer_decoder.mask_prediction="dense"``. Parts that several models share are counted once in a process.

    Args:
        model_config: the ``model`` of a config.
        images: on what to count.
        every_layer: whether every layer's masks are predicted, as MaskFormer's code does in inference too, or only
            those that the model uses.
    """
    backbone, pixel_decoder, decoder = _keys(model_config)
    semantic = model_config["task"] == "semantic"
    total = sum(number * _backbone(backbone, _upright(size)) for size, number in images.padded.items())
    total += _sum_by_area(lambda size: _heads(pixel_decoder, decoder, size, every_layer, semantic), images.padded)
    queries = model_config["transformer_decoder"]["queries"]["num_queries"]
    return total / sum(images.padded.values()) + BILINEAR * queries * images.restored_pixels


def parameters(model_config: Mapping[str, Any]) -> int:
    """How many parameters the model has, learnt or frozen."""
    parts = _keys(model_config)
    return sum(parameter.numel() for part in parts for parameter in meta_module(part).parameters())


def _upright(size: tuple[int, int]) -> tuple[int, int]:
    """The size of the image turned upright, which costs the same."""
    return max(size), min(size)


def _sum_by_area(cost: Callable[[tuple[int, int]], float], sizes: Mapping[tuple[int, int], int]) -> float:
    """Sum of a cost over sizes whose sides are multiples of 32, counted at three of them if there are more.

    What follows the backbone works on cells, whose number is in proportion to the area: convolutions and reads cost
    linearly, attention among cells quadratically. Three areas determine that exactly.
    """
    by_area = sorted(sizes, key=prod)
    known = by_area if len(by_area) <= 3 else [by_area[0], by_area[len(by_area) // 2], by_area[-1]]
    areas, costs = [prod(size) for size in known], [cost(size) for size in known]
    if len(by_area) <= 3:
        return sum(sizes[size] * value for size, value in zip(known, costs, strict=True))
    quadratic = np.polynomial.Polynomial.fit(areas, costs, deg=2)
    return float(sum(number * quadratic(prod(size)) for size, number in sizes.items()))


def _keys(model_config: Mapping[str, Any]) -> list[str]:
    """The configs of backbone, pixel decoder and transformer decoder as text; weights do not cost."""
    classes = model_config["num_things"] + model_config["num_stuff"]
    decoder = {**model_config["transformer_decoder"], "num_classes": classes}
    backbone = {key: value for key, value in model_config["backbone"].items() if key != "init_cfg"}
    return [json.dumps(part, sort_keys=True) for part in (backbone, model_config["pixel_decoder"], decoder)]


@cache
def _backbone(config: str, size: tuple[int, int]) -> float:
    module = meta_module(config)
    return multiply_accumulates(lambda: module(torch.empty(1, 3, *size, device="meta")))


def _heads(pixel_decoder: str, decoder: str, size: tuple[int, int], every_layer: bool, semantic: bool) -> float:
    """What follows the backbone, up to every query's mask at the input's size."""
    cost, width = _pixel_decoder(pixel_decoder, size)
    return cost + _decoder(decoder, width, size, every_layer, semantic)


@cache
def _pixel_decoder(config: str, size: tuple[int, int]) -> tuple[float, int]:
    """Its cost, and how many channels its levels have."""
    module = meta_module(config)
    features = [
        meta_map(channels, size, stride)
        for channels, stride in zip(json.loads(config)["in_channels"], (4, 8, 16, 32), strict=True)
    ]
    mask_features: list[Tensor] = []
    cost = multiply_accumulates(lambda: mask_features.append(module(features)[1]))
    return cost, mask_features[0].shape[1]


@cache
def _decoder(config: str, width: int, size: tuple[int, int], every_layer: bool, semantic: bool) -> float:
    module = meta_module(config)
    pyramid, mask_features = [meta_map(width, size, stride) for stride in PYRAMID], meta_map(width, size, 4)

    def run() -> None:
        output = module(pyramid, mask_features, all_layers=every_layer)
        masks = resize(output.masks.at_layer(-1).everything()[0], size)
        if semantic:
            semantic_scores(output.class_logits[-1, 0], masks[0])

    return multiply_accumulates(run)


def meta_map(channels: int, size: tuple[int, int], stride: int) -> Tensor:
    """A map of features of an image of that size, without data."""
    return torch.empty(1, channels, size[0] // stride, size[1] // stride, device="meta")


def multiply_accumulates(run: Callable[[], object], gradients: bool = False) -> float:
    """Multiply-accumulates of all that ``run`` does with tensors; with ``gradients`` it may go backward."""
    counter = FlopCounterMode(display=False, custom_mapping=FORMULAS)
    with torch.set_grad_enabled(gradients), Remembered(), counter:
        run()
    return counter.get_total_flops() / TORCH_PER_MULTIPLY
