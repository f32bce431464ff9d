"""Training memory without data or GPU: the peak of live tensor bytes in one step (Table 5's last column).

The model that trains runs on the meta device, whose tensors have shapes and no numbers, through forward pass, loss
and backward pass, beside what the optimizer keeps. Counted as the paper trained: mixed precision, and a kernel for
deformable sampling that keeps its inputs alone, as Triton's and mmcv's do; FaPN's deformable convolutions are counted
without mmcv's. What allocators and kernels take besides (workspaces of cuDNN, buckets of data-parallel training,
rounding) is not counted.

The paper's numbers are "per image" (section 3.3). Inferred: they are the most that training took, which is what
detectron2 prints, so the image with the most targets decides. How many it had is not said; no more than there are
queries can be matched, and that many are assumed. It matters with masks alone: COCO has 11 segments an image on average
(panoptic, the first 100 images of train2017), with which they take a third of the paper's number.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from m2f.cost.gpu_rules import (
    GpuRules,
    Kernels,
    frozen_batch_norm,
    fused_attention,
    materialised_attention,
)
from m2f.cost.live_bytes import LiveBytes
from m2f.cost.remembered import Remembered
from m2f.models.mask_prediction import DenseMasks
from m2f.models.matching import Matches, in_order
from m2f.models.segmentor import Mask2Former
from m2f.models.transformer_decoder import DecoderOutput
from m2f.models.transformer_decoder.decoder import Truth
from m2f.models.without_data import learning_model

# What a method makes belongs to the part, but for what another makes that it calls.
PARTS = {
    ("backbone", "forward"): "backbone",
    ("pixel_decoder", "forward"): "pixel decoder",
    ("transformer_decoder", "forward"): "decoder",
    ("transformer_decoder", "_predict"): "mask prediction",
    ("criterion", "match"): "matching",
    ("criterion", "forward"): "loss",
}


@dataclass
class Memory:
    """Bytes of one training step, by part.

    The parts are those of ``PARTS``, forward and backward, besides ``weights``, ``gradients`` and ``optimizer``, which
    are always there, and ``inputs``: images and masks of the targets.

    Attributes:
        peak: bytes when most are alive.
        parts: those bytes by part.
        after_loss: bytes by part when the loss is known, with the predictions and all that the backward pass needs.
    """

    peak: int
    parts: dict[str, int]
    after_loss: dict[str, int]


def training_memory(
    model_config: Mapping[str, Any],
    image_size: tuple[int, int] = (1024, 1024),
    images: int = 1,
    targets: int = 100,
    mixed_precision: bool = True,
    sampling_kernel: bool = True,
) -> Memory:
    """What one training step holds; takes a few seconds.

    With ``transformer_decoder.mask_prediction="dense"`` it is counted as the reference computes: the loss of one
    layer's prediction after the other (criterion.py:239-245), attention that keeps its weights, and norms that, frozen,
    keep nothing. Otherwise as this library does: all layers at once, fused attention, torch's batch norm. Gradients
    are there from the step before, as torch kept them in 2021.

    Args:
        model_config: the ``model`` of a config.
        image_size: (height, width) in pixels, multiples of 32.
        images: images on one GPU.
        targets: segments an image; by default the most that the paper's 100 queries can match.
        mixed_precision: float16 where autocast on CUDA has it, with weights and optimizer in float32; else all float32.
        sampling_kernel: whether deformable sampling runs in a kernel that keeps its inputs alone, as mmcv's compiled op
            does; else it is mmcv's PyTorch function, which keeps every sampled vector.
    """
    model = learning_model(model_config)
    dense = model.transformer_decoder.dense
    rules = GpuRules(mixed_precision, kernels(dense))
    live = LiveBytes()
    label_parts(model, live)
    with stand_ins(rules, sampling_kernel), Remembered(), live:
        learnt = give_gradients(model, live)
        with live.part("optimizer"):  # AdamW takes seconds on the meta device; it keeps two averages of each gradient
            averages = like(learnt), like(learnt)
        with live.part("inputs"):
            inputs = torch.empty(images, 3, *image_size, device="meta")
            labels = [torch.empty(targets, dtype=torch.long, device="meta") for _ in range(images)]
            masks = [torch.empty(targets, *image_size, dtype=torch.bool, device="meta") for _ in range(images)]
        with rules:
            with live.part("mask prediction"):
                predictions = predict(model, inputs, (labels, masks))
            if dense:  # the decoder put them together
                live.give(predictions[0].masks.everything(), "mask prediction")
            loss = total_loss(model, predictions, labels, masks)
        after_loss = +live.alive
        del predictions
        loss.backward()
        del averages  # the optimizer's step follows: it takes less than what the backward pass has given back
    return Memory(live.peak, dict(+live.at_peak), dict(after_loss))


def kernels(dense: bool) -> Kernels:
    """What the reference's computation (dense) or ours runs in place of torch's functions."""
    without_numbers: Kernels = {Tensor.item: lambda _: 1.0, Tensor.index_add: index_add}
    if dense:
        reference: Kernels = {
            F.scaled_dot_product_attention: materialised_attention,
            F.batch_norm: frozen_batch_norm,
        }
        return {**without_numbers, **reference}
    return {**without_numbers, F.scaled_dot_product_attention: fused_attention}


def index_add(tensor: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """As the method, which takes no index from another device where others do."""
    return tensor.index_add(dim, index.to(tensor.device), source)


def label_parts(model: nn.Module, live: LiveBytes) -> None:
    """Have the methods of ``PARTS`` name their parts when they run."""
    for (owner, method), part in PARTS.items():
        module = getattr(model, owner)
        setattr(module, method, labelled(getattr(module, method), part, live))


def labelled(function: Callable[..., Any], part: str, live: LiveBytes) -> Callable[..., Any]:
    """``function``, all that it makes being counted for ``part``."""

    @wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Any:
        with live.part(part):
            return function(*args, **kwargs)

    return inside


@contextmanager
def stand_ins(rules: GpuRules, sampling_kernel: bool = True) -> Iterator[None]:
    """Replace what the meta device cannot do, so that the model's own code knows nothing of being measured.

    Args:
        rules: whose ``autocast`` takes the place of torch's.
        sampling_kernel: whether deformable sampling has one, which the meta device always has.
    """
    with (
        patch("torch.autocast", rules.autocast),
        patch("torch.amp.is_autocast_available", lambda _: True),
        patch("m2f.models.criterion.assign", any_matches),
        patch("m2f.models.criterion.in_order", on_cpu),
        patch("m2f.models.pixel_decoders.deformable_sampling.has_kernel", lambda _: sampling_kernel),
    ):
        yield


def any_matches(costs: Tensor, counts: list[int]) -> Matches:
    """As many pairs as :func:`m2f.models.matching.assign` finds, but any; arguments as there.

    The indices are real ones on the CPU: what they pick out has a size then, on the meta device too.
    """
    rows = []
    for layer in range(len(costs)):
        for image, count in enumerate(counts):
            pairs = torch.arange(min(count, costs.shape[2]))
            rows.append(torch.stack([torch.full_like(pairs, layer), torch.full_like(pairs, image), pairs, pairs]))
    return Matches(*torch.cat(rows, dim=1).unbind(0))


def on_cpu(counts: list[int], layers: int, device: torch.device) -> Matches:
    """As :func:`m2f.models.matching.in_order`, but on the CPU, as :func:`any_matches` are; arguments as there."""
    return in_order(counts, layers, torch.device("cpu"))


def give_gradients(model: nn.Module, live: LiveBytes) -> list[nn.Parameter]:
    """Count weights and gradients, as after a first step; gives what learns."""
    with live.part("weights"):
        for tensor in (*model.parameters(), *model.buffers()):
            live.count(tensor)
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with live.part("gradients"):
        for parameter, gradient in zip(learnt, like(learnt), strict=True):
            parameter.grad = gradient
    return learnt


def like(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """A tensor of the size of each parameter."""
    return [torch.empty_like(parameter) for parameter in parameters]


def predict(model: Mask2Former, inputs: Tensor, truth: Truth) -> list[DecoderOutput]:
    """Predictions as the criterion gets them: layer by layer if the masks are dense, else all at once.

    The reference never stacks its dense masks; taking the stack apart costs a copy of their gradients.
    """
    output = model.decode(inputs, all_layers=True, truth=truth)
    if not isinstance(output.masks, DenseMasks):
        return [output]
    company = layer_by_layer(output.company) if output.company else [None] * output.masks.layers
    return [replace(own, company=other) for own, other in zip(layer_by_layer(output), company, strict=True)]


def layer_by_layer(output: DecoderOutput) -> list[DecoderOutput]:
    """Dense predictions taken apart."""
    layers = zip(output.class_logits.split(1), output.masks.everything().split(1), strict=True)
    return [DecoderOutput(class_logits, DenseMasks(logits)) for class_logits, logits in layers]


def total_loss(
    model: Mask2Former,
    predictions: Sequence[DecoderOutput],
    labels: Sequence[Tensor],
    masks: Sequence[Tensor],
) -> Tensor:
    """Sum of the losses of what :func:`predict` gave; targets as the criterion takes them."""
    losses = [model.criterion(own.class_logits, own.masks, labels, masks, own.company) for own in predictions]
    return torch.stack([own["loss"] for own in losses]).sum()
