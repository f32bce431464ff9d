"""What a run's numbers are: float32, or mixed precision as the paper's scale has it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from m2f.errors import InputError

if TYPE_CHECKING:
    from mmengine import Config

MIXED = "AmpOptimWrapper"


def set_precision(config: "Config | Mapping[str, Any]") -> None:
    """Have this process compute in the precision that a config asks for.

    In mixed precision what autocast leaves in float32, such as deformable attention, is multiplied and convolved in
    TF32 where a GPU has it, in training and evaluation. PyTorch 1.9, of the paper's time, did that by itself. Otherwise
    products and convolutions are float32 as well, where PyTorch by itself takes TF32 for the latter.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = is_mixed(config)


def check_precision(config: "Config | Mapping[str, Any]") -> None:
    """See that the device can train in the precision that a config asks for.

    mmengine's mixed precision, of whatever type, needs an accelerator.

    Raises:
        InputError: ``optim_wrapper`` is ``AmpOptimWrapper``, and this machine shows none.
    """
    if not is_mixed(config):
        return
    from mmengine.device import get_device

    if get_device() in ("cpu", "mps"):
        raise InputError(
            "optim_wrapper.type is AmpOptimWrapper, mixed precision, which needs a GPU, and none is seen here; set it "
            "to OptimWrapper, without dtype and loss_scale, or train where there is a GPU."
        )


def precision_of(config: "Config | Mapping[str, Any]") -> dict[str, str]:
    """In which numbers a config trains on this machine, in words.

    Returns:
        ``wrapper``, of the optimizer; ``type``, of what autocast casts; ``matrix_products``, what a GPU takes for
        float32 in products and convolutions, as ``torch.get_float32_matmul_precision`` calls it: ``highest``, or
        ``high`` for TF32.
    """
    import torch
    from mmengine.device import get_device

    wrapper = config.get("optim_wrapper") or {}
    own = torch.get_autocast_dtype(get_device()) if is_mixed(config) else torch.float32
    return {
        "wrapper": wrapper.get("type", ""),
        "type": str(wrapper.get("dtype") or own).removeprefix("torch."),
        "matrix_products": "high" if is_mixed(config) else "highest",
    }


def is_mixed(config: "Config | Mapping[str, Any]") -> bool:
    """Whether a config asks for mixed precision."""
    return (config.get("optim_wrapper") or {}).get("type") == MIXED
