"""The weighted sampling at the heart of deformable attention.

PyTorch has no operator for it. mmcv has a CUDA kernel, used where it was compiled, and a formulation by grid sampling
that holds every sampled vector in memory; CPUs have a kernel of ours, :mod:`m2f.models.pixel_decoders.sampling_on_cpu`.
"""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor
from torch.autograd.function import once_differentiable

from m2f.compiled_ops import compiled_ops_available
from m2f.models.pixel_decoders.sampling_on_cpu import gradients_on_cpu, sample_on_cpu


def attend_to_samples(
    value: Tensor, sizes: Sequence[tuple[int, int]], reference: Tensor, offsets: Tensor, logits: Tensor
) -> Tensor:
    """Samples around each query's place, weighted by the softmax of their logits (Zhu et al. 2021, equation 3).

    Args:
        value: ``[B, N, heads, d]``, N summing over the levels.
        sizes: ``(h, w)`` of each level.
        reference: ``[Q, 2]``, each query's place (x, y) in [0, 1].
        offsets: ``[B, Q, heads, levels, points, 2]``, from there to the samples (x, y), in a level's cells.
        logits: ``[B, Q, heads, levels * points]``.

    Returns:
        ``[B, Q, heads * d]``.
    """
    if value.device.type == "cpu" and value.dtype == torch.float32:
        return CpuSampling.apply(value, sizes, reference, offsets, logits)
    scale = offsets.new_tensor([(width, height) for height, width in sizes])  # [levels, 2]
    locations = reference[:, None, None, None] + offsets / scale[:, None]
    weights = logits.softmax(dim=3).unflatten(3, offsets.shape[3:5])
    return deformable_sampling(value, sizes, locations, weights)


def deformable_sampling(value: Tensor, sizes: Sequence[tuple[int, int]], locations: Tensor, weights: Tensor) -> Tensor:
    """Sum of bilinear samples; outside a level lies zero.

    Args:
        value: ``[B, N, heads, d]``, N summing over the levels.
        sizes: ``(h, w)`` of each level.
        locations: ``[B, Q, heads, levels, points, 2]``, (x, y) in [0, 1].
        weights: ``[B, Q, heads, levels, points]``.

    Returns:
        ``[B, Q, heads * d]``.
    """
    if value.is_cuda and compiled_ops_available():
        shapes = torch.tensor(sizes, device=value.device)
        cells = shapes.prod(1)
        starts = cells.cumsum(0) - cells
        return MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)
    return multi_scale_deformable_attn_pytorch(value, sizes, locations, weights)


class CpuSampling(torch.autograd.Function):
    """:func:`attend_to_samples` in float32 on the CPU."""

    @staticmethod
    def forward(
        ctx: Any, value: Tensor, sizes: Sequence[tuple[int, int]], reference: Tensor, offsets: Tensor, logits: Tensor
    ) -> Tensor:
        """Sample and keep what the backward pass needs."""
        samples, weights = sample_on_cpu(value, sizes, reference, offsets, logits)
        ctx.sizes = sizes
        ctx.save_for_backward(value, reference, offsets, weights)
        return samples

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, Tensor, Tensor]:
        """Gradients of value, offsets and logits."""
        value, reference, offsets, weights = ctx.saved_tensors
        to_value, to_offsets, to_logits = gradients_on_cpu(gradient, value, ctx.sizes, reference, offsets, weights)
        return to_value, None, None, to_offsets, to_logits
