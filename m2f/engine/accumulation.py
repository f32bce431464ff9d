"""Gradients of several iterations that add up to one step of the optimizer: no checkpoint holds them on the way."""

import math
from collections.abc import Mapping
from typing import Any

from m2f.errors import InputError

INTERVALS = (  # of iterations after which a training writes, or evaluates and may be asked to end
    ("train_cfg", "val_interval"),
    ("default_hooks", "checkpoint", "interval"),
    ("default_hooks", "checkpoint", "save_begin"),
)


def on_the_way(config: Mapping[str, Any], done: int) -> bool:
    """Whether, after ``done`` iterations, gradients are there that no step has used; after the last, one always has."""
    return done % _counts(config) != 0 and done != config["train_cfg"]["max_iters"]


def require_whole_steps(config: Mapping[str, Any], where: str) -> None:
    """See that a training neither writes a checkpoint nor evaluates on the way to a step.

    Args:
        config: of a training.
        where: its file, for the sentence.

    Raises:
        InputError: an interval that ends before the training does is no multiple of the iterations that make a step.
    """
    counts = _counts(config)
    for keys in INTERVALS:
        interval = _value(config, keys)
        if interval % counts and 0 < interval < (_value(config, ("train_cfg", "max_iters")) or math.inf):
            whole = max(round(interval / counts), 1) * counts
            raise InputError(
                f"{where}: '{'.'.join(keys)}' is {interval}, no multiple of optim_wrapper.accumulative_counts = "
                f"{counts}; set it to {whole}, since a checkpoint holds no gradients of steps that are not whole."
            )


def _counts(config: Mapping[str, Any]) -> int:
    """Iterations that make a step."""
    return _value(config, ("optim_wrapper", "accumulative_counts")) or 1


def _value(config: Mapping[str, Any], keys: tuple[str, ...]) -> int:
    """The whole number at a dotted key; 0 if there is none, or something else, which is told elsewhere."""
    node: Any = config
    for key in keys:
        node = node.get(key) if hasattr(node, "get") else None  # mmengine's Config is no Mapping
    return node if isinstance(node, int) else 0
