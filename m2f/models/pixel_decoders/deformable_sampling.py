"""The weighted sampling at the heart of deformable attention and deformable convolution.

PyTorch has no operator for it, so there is one of ours, with a kernel for CPUs and one in Triton for GPUs, where mmcv's
CUDA kernel comes first if it was compiled. mmcv's formulation by grid sampling, which holds every sampled vector in
memory, serves what has no kernel.
"""

from collections.abc import Sequence

import torch
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor

from m2f.compiled_ops import compiled_ops_available, triton_available
from m2f.models.pixel_decoders.sampling_on_cpu import gradients_on_cpu, sample_on_cpu
from m2f.models.pixel_decoders.sampling_op import register_kernels, sampling


def deformable_sampling(
    value: Tensor,
    sizes: Sequence[tuple[int, int]],
    reference: Tensor,
    offsets: Tensor,
    scores: Tensor,
    softmax: bool = True,
) -> Tensor:
    """Sum of bilinear samples around each query's place; outside a level lies zero (Zhu et al. 2021, equation 3).

    Args:
        value: ``[B, N, heads, d]``, N summing over the levels.
        sizes: ``(h, w)`` of each level.
        reference: ``[Q, 2]``, each query's place (x, y) in [0, 1].
        offsets: ``[B, Q, heads, levels, points, 2]``, from there to the samples (x, y), in a level's cells.
        scores: ``[B, Q, heads, levels * points]``, what the samples weigh, or with ``softmax`` its logits.
        softmax: whether a query's samples compete, as in attention.

    Returns:
        ``[B, Q, heads * d]``.
    """
    compiled = value.is_cuda and value.dtype == torch.float32 and compiled_ops_available()
    if has_kernel(value) and not compiled:
        return sampling(value, sizes, reference, offsets, scores, softmax)
    lengths = [length for size in sizes for length in size]
    if not compiled:
        return sampling_of_operators(value, lengths, reference, offsets, scores, softmax)[0]
    locations, weights = places_and_weights(lengths, reference, offsets, scores, softmax)
    shapes = torch.tensor(sizes, device=value.device)
    cells = shapes.prod(1)
    starts = cells.cumsum(0) - cells
    return MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)


def sampling_of_operators(
    value: Tensor, sizes: Sequence[int], reference: Tensor, offsets: Tensor, scores: Tensor, softmax: bool
) -> tuple[Tensor, Tensor]:
    """The operator made of PyTorch's own; arguments and results as of :mod:`m2f.models.pixel_decoders.sampling_op`."""
    # Filled, not copied from a list, which a program of operators cannot do while it runs.
    widths = torch.stack([offsets.new_full((), length) for length in sizes]).view(-1, 1, 2).flip(2)
    locations = reference[:, None, None, None] + offsets / widths
    weights = (scores.softmax(dim=3) if softmax else scores).unflatten(3, offsets.shape[3:5])
    pairs = list(zip(sizes[::2], sizes[1::2], strict=True))
    samples = multi_scale_deformable_attn_pytorch(value, pairs, locations, weights)
    return samples, weights.flatten(3) if softmax else weights.new_empty(0)


def has_kernel(value: Tensor) -> bool:
    """Whether the operator takes such values; on the meta device, without numbers, it takes all."""
    if value.device.type == "cpu":
        return value.dtype == torch.float32
    if value.is_cuda:
        return value.dtype in (torch.float32, torch.float16, torch.bfloat16) and triton_available()
    return value.is_meta


def places_and_weights(
    sizes: Sequence[int], reference: Tensor, offsets: Tensor, scores: Tensor, softmax: bool
) -> tuple[Tensor, Tensor]:
    """Where samples are taken, ``[B, Q, heads, levels, points, 2]`` in [0, 1], and what they weigh, without the 2."""
    locations = reference[:, None, None, None] + offsets / level_widths(sizes, offsets)
    weights = scores.softmax(dim=3) if softmax else scores
    return locations, weights.unflatten(3, offsets.shape[3:5])


def level_widths(sizes: Sequence[int], like: Tensor) -> Tensor:
    """Cells of each level (x, y), ``[levels, 1, 2]``, from its height and width, one level after the other."""
    return like.new_tensor(sizes).view(-1, 1, 2).flip(2)


def sample_on_gpu(
    value: Tensor, sizes: Sequence[int], reference: Tensor, offsets: Tensor, scores: Tensor, softmax: bool
) -> tuple[Tensor, Tensor]:
    """The operator in Triton, which is imported where it is used: machines without a GPU may lack it."""
    from m2f.models.pixel_decoders import triton_sampling

    locations, weights = places_and_weights(sizes, reference, offsets, scores, softmax)
    samples = triton_sampling.sample(value, sizes, locations, weights)
    return samples, weights.flatten(3) if softmax else weights.new_empty(0)


def gradients_on_gpu(
    gradient: Tensor,
    value: Tensor,
    sizes: Sequence[int],
    reference: Tensor,
    offsets: Tensor,
    weights: Tensor,
    softmax: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The operator's gradients in Triton."""
    from m2f.models.pixel_decoders import triton_sampling

    locations, unflattened = places_and_weights(sizes, reference, offsets, weights, softmax=False)
    to_value, to_locations, to_weights = triton_sampling.gradients(gradient, value, sizes, locations, unflattened)
    to_scores = to_weights.flatten(3)
    if softmax:
        to_scores = weights * (to_scores - (weights * to_scores).sum(dim=3, keepdim=True))
    return to_value, to_locations / level_widths(sizes, offsets), to_scores


register_kernels("cpu", sample_on_cpu, gradients_on_cpu)
register_kernels("cuda", sample_on_gpu, gradients_on_gpu)
