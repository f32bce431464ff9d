"""Deformable sampling and its gradient as operators of PyTorch: ``torch.compile`` and ``torch.export`` see one node.

Declared here is what is known of them without computing: their arguments, the shapes of their results, and that one is
the other's gradient. Kernels are registered by device.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

SAMPLING = "m2f::deformable_sampling"
GRADIENTS = "m2f::deformable_sampling_gradients"

INPUTS = "Tensor value, SymInt[] sizes, Tensor locations, Tensor weights"

# By the plain functions: ``torch.library.custom_op`` takes three times as long for every call.
torch.library.define(SAMPLING, f"({INPUTS}) -> Tensor")
torch.library.define(GRADIENTS, f"(Tensor gradient, {INPUTS}) -> (Tensor, Tensor, Tensor)")


def sampling(value: Tensor, sizes: Sequence[tuple[int, int]], locations: Tensor, weights: Tensor) -> Tensor:
    """The operator; arguments and result as of :func:`m2f.models.pixel_decoders.deformable_sampling`.

    An operator's arguments are lists of numbers at most, so the sizes go one after the other: ``h, w, h, w, ...``.
    """
    lengths = [length for size in sizes for length in size]
    return torch.ops.m2f.deformable_sampling(value, lengths, locations, weights)


def register_kernels(
    device: str, forward: Callable[..., Tensor], backward: Callable[..., tuple[Tensor, Tensor, Tensor]]
) -> None:
    """Have a type of device compute the operator and its gradient.

    Args:
        device: such as ``cpu``.
        forward: from value, sizes, locations and weights to samples ``[B, Q, heads * d]``.
        backward: from the samples' gradient and the same to gradients of value, locations and weights.
    """
    torch.library.impl(SAMPLING, device, forward)
    torch.library.impl(GRADIENTS, device, backward)


@torch.library.register_fake(SAMPLING)
def samples_without_numbers(value: Tensor, sizes: Sequence[int], locations: Tensor, weights: Tensor) -> Tensor:
    """``[B, Q, heads * d]``."""
    return value.new_empty(*weights.shape[:2], value.shape[2] * value.shape[3])


@torch.library.register_fake(GRADIENTS)
def gradients_without_numbers(
    gradient: Tensor, value: Tensor, sizes: Sequence[int], locations: Tensor, weights: Tensor
) -> tuple[Tensor, ...]:
    """A gradient for each tensor that is sampled with."""
    return tuple(tensor.new_empty(tensor.shape) for tensor in (value, locations, weights))


def keep_inputs(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    """Keep for the backward pass the inputs and nothing else."""
    value, ctx.sizes, locations, weights = inputs
    ctx.save_for_backward(value, locations, weights)


def differentiate(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
    """Gradients of what :func:`keep_inputs` has kept; sizes have none."""
    value, locations, weights = ctx.saved_tensors
    to_value, to_locations, to_weights = torch.ops.m2f.deformable_sampling_gradients(
        gradient, value, ctx.sizes, locations, weights
    )
    return to_value, None, to_locations, to_weights


torch.library.register_autograd(SAMPLING, differentiate, setup_context=keep_inputs)
