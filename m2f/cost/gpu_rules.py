"""What a GPU does with a model's calls and the meta device does not: half precision, and kernels that keep little.

``torch.autocast`` knows no meta device, so its rules for CUDA are applied here, as far as the models call them, as they
were in PyTorch 1.9, the paper's time (autocast_mode.cpp): a bilinear resize runs in the precision that it finds.
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

# By name, since each is at once a function and a method.
HALF = {"bmm", "conv2d", "einsum", "linear", "matmul", "scaled_dot_product_attention"}
# Grid sampling takes the wider of its two inputs' precisions; points are always float32.
FULL = {
    *("binary_cross_entropy_with_logits", "cross_entropy", "cumsum", "exp", "grid_sample", "group_norm", "layer_norm"),
    *("log", "log_softmax", "pow", "softmax", "softplus", "sum"),
}

Kernels = Mapping[Callable[..., Any], Callable[..., Any]]


class GpuRules(TorchFunctionMode):
    """While this mode is on, autocast's rules apply and some functions are replaced by what a GPU runs for them.

    Args:
        mixed_precision: whether the rules of autocast apply.
        kernels: what takes the place of which function, with the same arguments.
    """

    def __init__(self, mixed_precision: bool, kernels: Kernels) -> None:
        super().__init__()
        self.mixed_precision = mixed_precision
        self.kernels = kernels
        self._half_weights: dict[Tensor, Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Cast a function's arguments by its rule, then call it or its kernel."""
        name = getattr(func, "__name__", "")
        if self.mixed_precision and name in HALF:
            args, kwargs = tree_map_only(Tensor, self._half, (args, kwargs))
        elif self.mixed_precision and name in FULL:
            args, kwargs = tree_map_only(Tensor, full, (args, kwargs))
        return self.kernels.get(func, func)(*args, **(kwargs or {}))

    def __exit__(self, *error: Any) -> None:
        """Leave, and forget the cast weights as autocast does."""
        super().__exit__(*error)
        self._half_weights.clear()

    @contextmanager
    def autocast(self, device_type: str, enabled: bool) -> Iterator[None]:
        """In place of ``torch.autocast``: no rules of precision inside, unless ``enabled``."""
        outer = self.mixed_precision
        self.mixed_precision = outer and enabled
        yield
        self.mixed_precision = outer

    def _half(self, tensor: Tensor) -> Tensor:
        """A tensor in half precision; weights, and nothing else, are cast once a step."""
        if tensor.dtype != torch.float:
            return tensor
        if not isinstance(tensor, nn.Parameter):
            return tensor.half()
        if tensor not in self._half_weights:
            self._half_weights[tensor] = tensor.half()
        return self._half_weights[tensor]


def full(tensor: Tensor) -> Tensor:
    """A tensor of half precision in float32, any other as it is."""
    return tensor.float() if tensor.dtype == torch.half else tensor


def fused_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0
) -> Tensor:
    """torch's memory-efficient attention on CUDA: it keeps its inputs, its result and a number for every query.

    Arguments as of ``scaled_dot_product_attention``. A boolean mask becomes a bias in the inputs' precision, as there.
    """
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill_(~attn_mask, -math.inf)
    bias = None if attn_mask is None else attn_mask.to(query.dtype).expand(*query.shape[:3], key.shape[2])
    kernel = torch.ops.aten._scaled_dot_product_efficient_attention
    return kernel(query, key, value, bias, compute_log_sumexp=True, dropout_p=dropout_p)[0]


def materialised_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0
) -> Tensor:
    """Attention as ``nn.MultiheadAttention`` computed it in 2021, which the reference uses.

    For every head it keeps the weights, in float32 and again in the inputs' precision, and the boolean mask, which the
    reference repeats for every head (mask2former_transformer_decoder.py:446). Arguments as of
    ``scaled_dot_product_attention``.
    """
    logits = (query / math.sqrt(query.shape[-1])) @ key.transpose(2, 3)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        logits = logits.masked_fill_((~attn_mask).repeat(1, logits.shape[1], 1, 1), -math.inf)
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
    """A batch norm that does not learn as detectron2's ``FrozenBatchNorm2d``: a product and a sum that keep no input.

    Arguments as of ``batch_norm``; one that learns remains what it is.
    """
    if training or weight.requires_grad:
        return F.batch_norm(features, mean, variance, weight, bias, training, momentum, eps)
    scale = weight * (variance + eps).rsqrt()
    shift = bias - mean * scale
    return features * scale[:, None, None].to(features.dtype) + shift[:, None, None].to(features.dtype)
