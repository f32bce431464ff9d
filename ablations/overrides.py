"""Overrides: dotted config keys and the values that replace what the config has there."""

import ast
import json
from collections.abc import Mapping
from typing import Any

from ablations.choice import did_you_mean
from m2f.errors import InputError

# What names a run is chosen by options of its own; replaced in the config, it would file a run under a wrong name.
IDENTITY = {
    "scale": "--scale",
    "task": "--tasks",
    "seed": "--seeds",
    "randomness": "--seeds",
    "train_dataloader.dataset.seed": "--seeds",
    "dataset_name": "--scale",
    "split": "--scale",
}
WORDS = {"true": True, "false": False, "none": None, "null": None}


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE``; the value is a Python literal, one of true, false, none, null, or else a string.

    Raises:
        InputError: there is no key or no equals sign, the key is part of a run's name, or JSON has no such value.
    """
    key, equals, literal = (part.strip() for part in text.partition("="))
    if not key or not equals:
        raise InputError(f"The override '{text}' is not KEY=VALUE, such as train_cfg.max_iters=100.")
    if key in IDENTITY:
        raise InputError(f"The override '{key}' would change what a run is called; use {IDENTITY[key]} instead.")
    value = _literal(literal)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"The override '{text}' has a value that JSON cannot hold ({error}); give another.") from error
    return key, value


def _literal(text: str) -> Any:
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def apply_overrides(config: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A config in which the value at each dotted key is replaced; a number in a key is a place in a list.

    A dict as the value replaces the whole dict at its key. A key is applied before the keys below it, so the order of
    the overrides does not matter. What is not on the way to a replaced value is shared with ``config``, not copied.

    Raises:
        InputError: a key names nothing in the config.
    """
    for key in sorted(overrides):
        config = _replaced(config, key.split("."), overrides[key], key)
    return config


def _replaced(node: Any, path: list[str], value: Any, key: str) -> Any:
    name, *rest = path
    if isinstance(node, dict) and name in node:
        return {**node, name: _replaced(node[name], rest, value, key) if rest else value}
    if isinstance(node, list | tuple) and name.isdecimal() and int(name) < len(node):
        items = list(node)
        items[int(name)] = _replaced(items[int(name)], rest, value, key) if rest else value
        return type(node)(items)
    raise InputError(_names_nothing(node, path, key))


def _names_nothing(node: Any, path: list[str], key: str) -> str:
    missing = path[0]
    above = key.split(".")[: -len(path)]
    place = f"'{'.'.join(above)}'" if above else "the config"
    if isinstance(node, dict):
        known = [str(name) for name in node]
        return (
            f"The override '{key}' names no config key: {place} has no '{missing}'{did_you_mean(missing, known)}; "
            f"it has {', '.join(known)}."
        )
    if isinstance(node, list | tuple):
        return f"The override '{key}' names no config key: {place} is a list with places 0 to {len(node) - 1}."
    return f"The override '{key}' names no config key: {place} is a value without keys."
