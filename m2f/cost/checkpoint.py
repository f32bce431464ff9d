"""The size of a training's checkpoints, counted without data: what they hold of the model and of the optimizer."""

from collections.abc import Mapping
from typing import Any

import torch

from m2f.models.without_data import learning_model
from m2f.registry import OPTIMIZERS

MMENGINES_INTERVAL = 1000  # iterations between evaluations where a config names none


def checkpoint_bytes(config: Mapping[str, Any]) -> int:
    """Bytes of the tensors in one checkpoint: the model's, and what the optimizer keeps of those that learn.

    Args:
        config: with ``model`` and ``optim_wrapper``.
    """
    model = learning_model(config["model"])
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # The meta device has no fused step; both keep the same.
    settings = {key: value for key, value in config["optim_wrapper"]["optimizer"].items() if key != "fused"}
    optimizer = OPTIMIZERS.build({**settings, "params": learnt})
    for parameter in learnt:
        parameter.grad = torch.empty_like(parameter)
    optimizer.step()
    kept = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, torch.Tensor)]
    return sum(tensor.nbytes for tensor in (*model.state_dict().values(), *kept))


def checkpoints_kept(config: Mapping[str, Any]) -> int:
    """How many checkpoints a training has when it is done, see :class:`m2f.engine.checkpoints.TimelyCheckpoints`."""
    own = config.get("default_hooks", {}).get("checkpoint") or {}
    interval, keep = own.get("interval", -1), own.get("max_keep_ckpts", -1)
    end, evaluated = config["train_cfg"]["max_iters"], config["train_cfg"].get("val_interval", MMENGINES_INTERVAL)
    written = {end, *(range(interval, end, interval) if interval > 0 else ())}
    return min(len(written.union(range(evaluated, end, evaluated))), keep) if keep > 0 else len(written)
