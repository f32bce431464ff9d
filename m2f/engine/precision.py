"""What a training's numbers may be, on the device that it has."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device

from m2f.errors import InputError


def check_precision(config: Config | Mapping[str, Any]) -> None:
    """See that the device can train in the precision that a config asks for.

    mmengine's mixed precision, of whatever type, needs an accelerator.

    Raises:
        InputError: ``optim_wrapper`` is ``AmpOptimWrapper``, and this machine shows none.
    """
    kind = config.get("optim_wrapper", {}).get("type")
    if kind == "AmpOptimWrapper" and get_device() in ("cpu", "mps"):
        raise InputError(
            "optim_wrapper.type is AmpOptimWrapper, mixed precision, which needs a GPU, and none is seen here; set it "
            "to OptimWrapper, without dtype and loss_scale, or train where there is a GPU."
        )
