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


def why_not_built(config: Mapping[str, Any]) -> str | None:
    """Why a model cannot be built, in a line with the component that says so; None if it can.

    What fails without data is tried with them, since a component of a user's may compute with its tensors.
    """
    try:
        learning_model(config)
    except Exception:
        try:
            MODELS.build(dict(config))
        except Exception as error:
            return f"{builder(error)}{str(error).partition(chr(10))[0].rstrip('.')}"
    return None


def builder(error: BaseException) -> str:
    """The name of the innermost component whose constructor raised an error, and a colon; empty if none did."""
    name, trace = "", error.__traceback__
    while trace:
        own = trace.tb_frame.f_locals.get("self")
        if isinstance(own, nn.Module) and trace.tb_frame.f_code.co_name == "__init__":
            name = f"{type(own).__name__}: "
        trace = trace.tb_next
    return name


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
