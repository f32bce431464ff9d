"""What a training's numbers may be, on the device that it has."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from m2f.errors import InputError

if TYPE_CHECKING:
    from mmengine import Config


def check_precision(config: "Config | Mapping[str, Any]") -> None:
    """See that the device can train in the precision that a config asks for.

    mmengine's mixed precision, of whatever type, needs an accelerator.

    Raises:
        InputError: ``optim_wrapper`` is ``AmpOptimWrapper``, and this machine shows none.
    """
    if config.get("optim_wrapper", {}).get("type") != "AmpOptimWrapper":
        return
    from mmengine.device import get_device

    if get_device() in ("cpu", "mps"):
        raise InputError(
            "optim_wrapper.type is AmpOptimWrapper, mixed precision, which needs a GPU, and none is seen here; set it "
            "to OptimWrapper, without dtype and loss_scale, or train where there is a GPU."
        )
