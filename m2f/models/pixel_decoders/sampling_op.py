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

PLACES = "Tensor value, SymInt[] sizes, Tensor reference, Tensor offsets"

# By the plain functions: ``torch.library.custom_op`` takes three times as long for every call.
torch.library.define(SAMPLING, f"({PLACES}, Tensor scores, bool softmax) -> (Tensor, Tensor)")
torch.library.define(
    GRADIENTS, f"(Tensor gradient, {PLACES}, Tensor weights, bool softmax) -> (Tensor, Tensor, Tensor)"
)


def sampling(
    value: Tensor,
    sizes: Sequence[tuple[int, int]],
    reference: Tensor,
    offsets: Tensor,
    scores: Tensor,
    softmax: bool,
) -> Tensor:
    """The operator; arguments and result as of :func:`m2f.models.pixel_decoders.deformable_sampling`.

    An operator's arguments are lists of numbers at most, so the sizes go one after the other: ``h, w, h, w, ...``.
    """
    lengths = [length for size in sizes for length in size]
    return torch.ops.m2f.deformable_sampling(value, lengths, reference, offsets, scores, softmax)[0]


def register_kernels(
    device: str,
    forward: Callable[..., tuple[Tensor, Tensor]],
    backward: Callable[..., tuple[Tensor, Tensor, Tensor]],
) -> None:
    """Have a type of device compute the operator and its gradient.

    Args:
        device: such as ``cpu``.
        forward: from the operator's arguments to samples ``[B, Q, heads * d]`` and, with ``softmax``, the weights; the
            scores are the weights without it, and what comes in their place is empty.
        backward: from the samples' gradient and the same, weights for scores, to gradients of value, offsets and
            scores.
    """
    torch.library.impl(SAMPLING, device, forward)
    torch.library.impl(GRADIENTS, device, backward)


@torch.library.register_fake(SAMPLING)
def samples_without_numbers(
    value: Tensor, sizes: Sequence[int], reference: Tensor, offsets: Tensor, scores: Tensor, softmax: bool
) -> tuple[Tensor, Tensor]:
    """``[B, Q, heads * d]``, and weights like the scores or nothing."""
    samples = value.new_empty(*scores.shape[:2], value.shape[2] * value.shape[3])
    return samples, scores.new_empty(scores.shape if softmax else 0)


@torch.library.register_fake(GRADIENTS)
def gradients_without_numbers(
    gradient: Tensor,
    value: Tensor,
    sizes: Sequence[int],
    reference: Tensor,
    offsets: Tensor,
    weights: Tensor,
    softmax: bool,
) -> tuple[Tensor, ...]:
    """A gradient for each tensor that is sampled with."""
    return tuple(tensor.new_empty(tensor.shape) for tensor in (value, offsets, weights))


def keep_inputs(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Keep for the backward pass the inputs, weights in place of their logits, and nothing else."""
    value, ctx.sizes, reference, offsets, scores, ctx.softmax = inputs
    ctx.save_for_backward(value, reference, offsets, output[1] if ctx.softmax else scores)
    ctx.set_materialize_grads(False)


def differentiate(ctx: Any, gradient: Tensor | None, _: Tensor | None) -> tuple[Tensor | None, ...]:
    """Gradients of what :func:`keep_inputs` has kept; sizes and references have none."""
    if gradient is None:
        return (None,) * 6
    value, reference, offsets, weights = ctx.saved_tensors
    to_value, to_offsets, to_scores = torch.ops.m2f.deformable_sampling_gradients(
        gradient, value, ctx.sizes, reference, offsets, weights, ctx.softmax
    )
    return to_value, None, None, to_offsets, to_scores, None


torch.library.register_autograd(SAMPLING, differentiate, setup_context=keep_inputs)
