"""Peak of live tensor bytes in one training step, without data or GPU (Table 5's memory column)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from m2f.cost.gpu_rules import GpuRules, frozen_batch_norm, fused_attention, kernel_sampling, materialised_attention
from m2f.cost.live_bytes import LiveBytes
from m2f.models.matching import Matches
from m2f.registry import MODELS

# Whose method makes what belongs to the part.
PARTS = {
    "backbone": ("backbone", "forward"),
    "pixel decoder": ("pixel_decoder", "forward"),
    "decoder": ("transformer_decoder", "forward"),
    "mask prediction": ("transformer_decoder", "_predict"),
    "loss": ("criterion", "forward"),
    "matching": ("criterion", "match"),
}

def index_add(into: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    return into.index_add(dim, index.to(into.device), source)


ANY_NUMBER = {Tensor.item: lambda *_: 1.0, Tensor.index_add: index_add}
FUSED = {F.scaled_dot_product_attention: fused_attention, **ANY_NUMBER}
REFERENCE = {F.scaled_dot_product_attention: materialised_attention, F.batch_norm: frozen_batch_norm, **ANY_NUMBER}


@dataclass
class Memory:
    """What one training step holds.

    Attributes:
        peak: bytes alive when most are.
        parts: those bytes by the part whose forward or backward pass made them.
    """

    peak: int
    parts: dict[str, int]


def training_memory(
    model_config: Mapping[str, Any],
    image_size: tuple[int, int] = (1024, 1024),
    images: int = 1,
    targets: int = 20,
    mixed_precision: bool = True,
) -> Memory:
    live = LiveBytes()
    model = MODELS.build(dict(model_config)).to("meta").train()
    dense = model.transformer_decoder.dense
    rules = GpuRules(mixed_precision, REFERENCE if dense else FUSED)
    with stand_ins(rules), live:
        with live.part("weights"):
            for tensor in (*model.parameters(), *model.buffers()):
                live.count(tensor)
        label_parts(model, live)
        learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
        with live.part("gradients"):
            for parameter in learnt:
                parameter.grad = torch.zeros_like(parameter)
        optimizer = torch.optim.AdamW(learnt)
        with live.part("optimizer"):
            optimizer.step()
        with live.part("inputs"):
            inputs = torch.empty(images, 3, *image_size, device="meta")
            labels = [torch.empty(targets, dtype=torch.long, device="meta") for _ in range(images)]
            masks = [torch.empty(targets, *image_size, dtype=torch.bool, device="meta") for _ in range(images)]
        with rules:
            output = model.decode(inputs, all_layers=True)
            if dense:
                layers = [output.at_layer(layer) for layer in range(output.masks.layers)]
            else:
                layers = [output]
            del output
            loss = sum(model.criterion(layer.class_logits, layer.masks, labels, masks)["loss"] for layer in layers)
            del layers
        loss.backward()
        with live.part("optimizer"):
            optimizer.step()
    return Memory(live.peak, live.at_peak)


def label_parts(model: nn.Module, live: LiveBytes) -> None:
    for part, (owner, method) in PARTS.items():
        module = getattr(model, owner)
        setattr(module, method, labelled(getattr(module, method), part, live))


def labelled(function: Callable[..., Any], part: str, live: LiveBytes) -> Callable[..., Any]:
    @wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Any:
        with live.part(part):
            return function(*args, **kwargs)

    return inside


@contextmanager
def stand_ins(rules: GpuRules) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(patch("torch.autocast", rules.autocast))
        stack.enter_context(patch("torch.amp.is_autocast_available", lambda _: True))
        stack.enter_context(patch("m2f.models.criterion.assign", any_matches))
        stack.enter_context(patch("m2f.models.pixel_decoders.msdeformattn.deformable_sampling", kernel_sampling))
        yield


def any_matches(costs: Tensor, counts: list[int]) -> Matches:
    rows = [
        torch.stack([torch.full((count,), layer), torch.full((count,), image), torch.arange(count), torch.arange(count)])
        for layer in range(len(costs))
        for image, count in enumerate(counts)
    ]
    return Matches(*torch.cat(rows, dim=1).unbind(0))
