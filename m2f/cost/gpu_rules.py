"""What a GPU does with a model's calls and the meta device does not: half precision, and kernels that keep little.

``torch.autocast`` knows no meta device, so its rules for CUDA are applied here, as they were in PyTorch 1.9, the paper's
time (autocast_mode.cpp). Parameters are float32 and are cast once a step; what runs in half precision keeps the cast
copies of its inputs for the backward pass, as there.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

HALF = {"linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "matmul", "bmm", "baddbmm", "addmm", "einsum"}
FULL = {
    *("binary_cross_entropy_with_logits", "cosine_similarity", "cross_entropy", "cumsum", "exp", "group_norm"),
    *("layer_norm", "log", "log_softmax", "norm", "normalize", "pow", "prod", "reciprocal", "rsqrt", "softmax"),
    *("softplus", "sum"),
}
WIDEST = {"grid_sample"}  # takes no mixture of precisions

Kernels = Mapping[Callable[..., Any], Callable[..., Tensor]]


class GpuRules(TorchFunctionMode):
    """Half and full precision as autocast on CUDA has them, and some functions replaced by what a GPU runs for them.

    Args:
        mixed_precision: whether the rules of autocast apply.
        kernels: what takes the place of which function.
    """

    def __init__(self, mixed_precision: bool, kernels: Kernels) -> None:
        super().__init__()
        self.mixed_precision = mixed_precision
        self.kernels = kernels
        self._weights: dict[Tensor, Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Cast a function's arguments by its rule and call it, or its kernel."""
        name = getattr(func, "__name__", "")
        if self.mixed_precision:
            if name in HALF or func is F.scaled_dot_product_attention:
                args, kwargs = tree_map_only(Tensor, self._half, (args, kwargs))
            elif name in FULL:
                args, kwargs = tree_map_only(Tensor, full, (args, kwargs))
            elif name in WIDEST and any(tensor.dtype == torch.float for tensor in args):
                args = tree_map_only(Tensor, full, args)
        return self.kernels.get(func, func)(*args, **(kwargs or {}))

    @contextmanager
    def autocast(self, device_type: str, enabled: bool) -> Iterator[None]:
        """In place of :class:`torch.autocast`: ``enabled=False`` turns the rules of precision off."""
        outer = self.mixed_precision
        self.mixed_precision = outer and enabled
        yield
        self.mixed_precision = outer

    def _half(self, tensor: Tensor) -> Tensor:
        if tensor.dtype != torch.float:
            return tensor
        if not isinstance(tensor, nn.Parameter):
            return tensor.half()
        if tensor not in self._weights:
            self._weights[tensor] = tensor.half()
        return self._weights[tensor]


def full(tensor: Tensor) -> Tensor:
    """A tensor of half precision in float32, any other as it is."""
    return tensor.float() if tensor.dtype == torch.half else tensor


def fused_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0
) -> Tensor:
    """torch's memory-efficient attention on CUDA: it keeps its inputs, the mask as a bias, and a sum a query.

    Arguments as of ``scaled_dot_product_attention``.
    """
    bias = None
    if attn_mask is not None:
        bias = attn_mask
        if attn_mask.dtype == torch.bool:
            bias = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill_(~attn_mask, -math.inf)
        bias = bias.to(query.dtype).expand(*query.shape[:3], key.shape[2])
    kernel = torch.ops.aten._scaled_dot_product_efficient_attention
    return kernel(query, key, value, bias, compute_log_sumexp=True, dropout_p=dropout_p)[0]


def materialised_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0
) -> Tensor:
    """Attention as ``nn.MultiheadAttention`` computed it in 2021.

    Of every head it keeps the weights in float32 and, to multiply, in half precision, and the mask, which the reference
    repeats for every head (mask2former_transformer_decoder.py:446). Arguments as of ``scaled_dot_product_attention``.
    """
    logits = (query / math.sqrt(query.shape[-1])) @ key.transpose(2, 3)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        blocked = (~attn_mask).repeat(1, logits.shape[1] // attn_mask.shape[1], 1, 1)
        logits = logits.masked_fill_(blocked, -math.inf)
    elif attn_mask is not None:
        logits = logits + attn_mask
    weights = F.dropout(logits.float().softmax(dim=-1), dropout_p)
    return weights.to(value.dtype) @ value


def frozen_batch_norm(
    features: Tensor,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor,
    bias: Tensor,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """detectron2's ``FrozenBatchNorm2d``: a norm that does not learn is one factor and one shift, and keeps no input.

    Arguments as of ``batch_norm``.
    """
    if training or weight.requires_grad:
        return F.batch_norm(features, mean, variance, weight, bias, training, momentum, eps)
    scale = weight * (variance + eps).rsqrt()
    shift = bias - mean * scale
    scale, shift = (part[:, None, None].to(features.dtype) for part in (scale, shift))
    return features * scale + shift


class KernelSampling(torch.autograd.Function):
    """The CUDA kernel of deformable sampling, without its numbers: it keeps its inputs and makes their gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        """``value [B, N, heads, d]`` and ``weights [B, Q, heads, levels, points]`` to ``[B, Q, heads * d]``."""
        ctx.save_for_backward(value, locations, weights)
        return value.new_empty(*weights.shape[:2], value.shape[2] * value.shape[3])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """Gradients of all three inputs."""
        return tuple(torch.empty_like(tensor) for tensor in ctx.saved_tensors)


def kernel_sampling(value: Tensor, sizes: Sequence[tuple[int, int]], locations: Tensor, weights: Tensor) -> Tensor:
    """In place of :func:`m2f.models.pixel_decoders.deformable_sampling.deformable_sampling`, same arguments."""
    return KernelSampling.apply(value, locations, weights)
