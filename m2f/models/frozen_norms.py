"""Frozen batch norms as part of the convolutions before them.

A norm that neither learns nor counts multiplies and shifts each channel by constants, and so may its convolution's
weights: the maps are written once instead of twice, and training keeps one of them instead of two.
"""

from itertools import pairwise

import torch
from mmdet.models import ResNet
from torch import Tensor, nn


class NormalisedConvolution(nn.Conv2d):
    """A convolution that applies the frozen norm after it; its own parameters and their names stay what they are."""

    # In a tuple, where torch does not take it for a part of this module: the norm is a part of the one around.
    norm: tuple[nn.BatchNorm2d]

    def forward(self, maps: Tensor) -> Tensor:
        """``[B, C, H, W]`` to what the norm makes of the convolution of it, up to rounding."""
        (norm,) = self.norm
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        shift = norm.bias - norm.running_mean * scale
        return self._conv_forward(maps, self.weight * scale[:, None, None, None], shift)


class AppliedNorm(nn.BatchNorm2d):
    """A frozen norm whose convolution has applied it already."""

    def forward(self, maps: Tensor) -> Tensor:
        """The maps as they are."""
        return maps


def _is_frozen(norm: nn.Module) -> bool:
    return type(norm) is nn.BatchNorm2d and not any(parameter.requires_grad for parameter in norm.parameters())


def fold_frozen_norms(backbone: nn.Module) -> None:
    """Let the convolutions of a ResNet apply the norms that ``norm_eval`` and ``requires_grad=False`` freeze.

    Parameters, buffers and their names stay, and so do checkpoints; any other backbone stays as it is.
    """
    if not isinstance(backbone, ResNet) or not backbone.norm_eval:
        return
    for module in backbone.modules():
        parts = list(module.children())  # mmdet registers a norm right after its convolution
        for convolution, norm in pairwise(parts):
            if type(convolution) is nn.Conv2d and _is_frozen(norm):
                convolution.__class__ = NormalisedConvolution
                vars(convolution)["norm"] = (norm,)
                norm.__class__ = AppliedNorm
