"""Components whose tensors have shapes and no data: enough to count what they cost, or what tensors they have."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from m2f.registry import MODELS


@cache
def meta_module(config: str) -> nn.Module:
    """A component in inference, without data."""
    with EmptyOnMeta():
        module = MODELS.build(json.loads(config))
    module.eval()  # mmdet's backbones do not return themselves
    return module.to("meta").requires_grad_(False)


def learning_model(config: Mapping[str, Any]) -> Any:
    """A whole model in training, without data, all that learns asking for gradients."""
    with EmptyOnMeta():
        model = MODELS.build(dict(config))
    return model.to("meta").train()


class EmptyOnMeta(TorchFunctionMode):
    """Modules that are built meanwhile have parameters without data, so that none is filled with random numbers.

    Only ``torch.empty`` is turned: some backbones compute with small tensors when they are built.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Allocate on the meta device."""
        options = dict(kwargs or {})
        return func(*args, **({**options, "device": "meta"} if func is torch.empty else options))
