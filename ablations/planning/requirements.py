"""What a run's config must be before anything starts: numbers in their ranges, components that are registered."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from m2f.errors import InputError

WHOLE = {  # dotted keys of whole numbers, with the least that each may be
    "train_cfg.max_iters": 1,
    "train_cfg.val_interval": 1,
    "train_dataloader.batch_size": 1,
    "val_dataloader.batch_size": 1,
    "train_dataloader.num_workers": 0,
    "val_dataloader.num_workers": 0,
    "train_dataloader.dataset.dataset.num_images": 1,
    "val_dataloader.dataset.num_images": 1,
    "optim_wrapper.accumulative_counts": 1,
    "default_hooks.checkpoint.interval": 1,
    "default_hooks.logger.interval": 1,
    "model.num_things": 0,
    "model.num_stuff": 0,
}
POSITIVE = ("optim_wrapper.optimizer.lr",)
NOT_NEGATIVE = ("optim_wrapper.optimizer.weight_decay",)
DICTS = ("model", "train_dataloader", "val_dataloader", "train_cfg", "optim_wrapper", "default_hooks", "scenes")
ABSENT = object()


def require_runnable(config: Mapping[str, Any], where: str) -> None:
    """See that a config can be run, as far as can be told without data and without building anything.

    Args:
        config: of a run.
        where: its file, for the sentence.

    Raises:
        InputError: a value is of another kind or out of its range, nothing is evaluated, an interval cuts steps of
            the optimizer, or a component is not registered.
    """
    from m2f.engine.accumulation import require_whole_steps
    from m2f.registered_types import require_registered

    for key in DICTS:
        if key in config and not isinstance(config[key], Mapping):
            raise _wrong(where, key, "a dict", config[key])
    for key, least in WHOLE.items():
        value = _value(config, key)
        if value is not ABSENT and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise _wrong(where, key, f"a whole number, at least {least}", value)
    for key in (*POSITIVE, *NOT_NEGATIVE):
        value = _value(config, key)
        if value is not ABSENT and not (_is_real(value) and (value > 0 if key in POSITIVE else value >= 0)):
            raise _wrong(where, key, "a number above 0" if key in POSITIVE else "a number, at least 0", value)
    if "val_evaluator" in config and not config["val_evaluator"]:
        raise InputError(f"{where}: 'val_evaluator' is empty, so the run would have no metric; name at least one.")
    require_whole_steps(config, where)
    require_registered(config, where)


def require_buildable(configs: Iterable[tuple[Mapping[str, Any], str]]) -> None:
    """See that the models of configs can be built, each once, which takes some tenths of a second without data.

    Args:
        configs: each with where it comes from, for the sentence.

    Raises:
        InputError: one cannot: an argument is out of its range, of another kind or unknown.
    """
    from m2f.models.without_data import why_not_built

    # What names no type is nothing that can be built here; who trains it says so.
    models = {repr(config["model"]): (config["model"], where) for config, where in configs if "type" in config["model"]}
    for model, where in models.values():
        if reason := why_not_built(model):
            raise InputError(f"{where}: the model cannot be built, {reason}; mend 'model', or the override of it.")


def _is_real(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)


def _value(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for name in key.split("."):
        if not isinstance(node, Mapping) or name not in node:
            return ABSENT
        node = node[name]
    return node


def _wrong(where: str, key: str, words: str, value: Any) -> InputError:
    return InputError(f"{where}: '{key}' must be {words}, not {value!r}.")
