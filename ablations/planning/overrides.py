"""Overrides: dotted config keys and the values that replace what the config has there."""

import ast
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ablations.choice import did_you_mean
from ablations.planning.components import component_class, known_components, options
from ablations.studies.study import Setting, Times
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
SETTINGS = "settings."
WORDS = {"true": True, "false": False, "none": None, "null": None}


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE``; the value is a Python literal, one of true, false, none, null, or else a string.

    ``settings.NAME`` is a :class:`Setting`: what the config has under that name.

    Raises:
        InputError: there is no key or no equals sign, the key is part of a run's name, or JSON has no such value.
    """
    key, equals, literal = (part.strip() for part in text.partition("="))
    if not key or not equals:
        raise InputError(f"The override '{text}' is not KEY=VALUE, such as train_cfg.max_iters=100.")
    if key in IDENTITY:
        raise InputError(f"The override '{key}' would change what a run is called; use {IDENTITY[key]} instead.")
    if literal.startswith(SETTINGS):
        return key, Setting(literal.removeprefix(SETTINGS))
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


def override_as_json(value: Any) -> Any:
    """An override's value as ``m2f list --json`` shows it: ``{"times": 0.5}``, ``{"setting": "name"}``, or itself.

    ``Times`` has ``"multiple_of"`` beside its factor where that is not 1.
    """
    match value:
        case Times(factor, multiple_of):
            return {"times": factor} | ({"multiple_of": multiple_of} if multiple_of > 1 else {})
        case Setting(name):
            return {"setting": name}
    return value


def with_settings(overrides: Mapping[str, Any], settings: Mapping[str, Any], config_file: str) -> dict[str, Any]:
    """The overrides with the value of each ``Setting`` in its place.

    Args:
        overrides: dotted keys and values.
        settings: the config file's ``settings``.
        config_file: its name, for the error's sentence.

    Raises:
        InputError: the config file has no such setting.
    """
    return {
        key: _setting(value.name, settings, config_file) if isinstance(value, Setting) else value
        for key, value in overrides.items()
    }


def _setting(name: str, settings: Mapping[str, Any], config_file: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise InputError(f"{config_file} has no setting '{name}', which a row needs; add it to its 'settings'.")
        value = value[part]
    return value


def apply_overrides(config: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A config in which the value at each dotted key is replaced; a number in a key is a place in a list.

    A dict as the value replaces the whole dict at its key; ``Times`` multiplies the number that is there. A key is
    applied before the keys below it and a ``type`` before what stands beside it, so the order of the overrides does
    not matter. What is not on the way to a replaced value is shared with ``config``, not copied.

    In a component of the model the last part of a key may also be an option that the config leaves at its default; that
    same value changes nothing. A new ``type`` drops those of the component's options that the new class does not take.

    Raises:
        InputError: a key names nothing in the config, a type is not registered, or ``Times`` finds no number.
    """
    for key in sorted(overrides, key=_types_first):
        config = _replaced(config, key.split("."), overrides[key], key)
    return config


def overriding(texts: Sequence[str], config_file: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What gives a config with a user's overrides, each ``KEY=VALUE``.

    Raises:
        InputError: one is none; and when it is called, if one names nothing in the config.
    """
    overrides = dict(map(parse_override, texts))

    def change(config: dict[str, Any]) -> dict[str, Any]:
        return apply_overrides(config, with_settings(overrides, config.get("settings", {}), config_file))

    return change


def _types_first(key: str) -> list[str]:
    return ["" if name == "type" else name for name in key.split(".")]


def _replaced(node: Any, path: list[str], value: Any, key: str) -> Any:
    name, *rest = path
    if isinstance(node, dict) and name in node:
        new = _replaced(node[name], rest, value, key) if rest else _multiplied(node[name], value, key)
        if isinstance(node[name], tuple) and isinstance(new, list):
            new = tuple(new)  # which a command line need not spell
        return _retyped(node, new, key) if name == "type" else {**node, name: new}
    if isinstance(node, list | tuple) and name.isdecimal() and int(name) < len(node):
        items, place = list(node), int(name)
        items[place] = _replaced(items[place], rest, value, key) if rest else _multiplied(items[place], value, key)
        return type(node)(items)
    component = component_class(node)
    if component and not rest and name in options(component):
        default = options(component)[name]
        new = _multiplied(default, value, key)
        return node if type(new) is type(default) and new == default else {**node, name: new}
    raise InputError(_names_nothing(node, path, key))


def _multiplied(current: Any, value: Any, key: str) -> Any:
    """``value``, or where it is ``Times``, that many times the current number."""
    if not isinstance(value, Times):
        if wrong := _other_kind(current, value):
            raise InputError(f"The override '{key}' must be {wrong}, not {value!r}, since the config has {current!r}.")
        return value
    if isinstance(current, bool) or not isinstance(current, int | float):
        raise InputError(f"The override '{key}' multiplies by {value.factor}, but the config has no number there.")
    product = current * value.factor
    if not isinstance(current, int):
        return product
    whole = round(Fraction(product) / value.multiple_of) * value.multiple_of
    return max(whole, value.multiple_of) if value.multiple_of > 1 else whole


def _other_kind(current: Any, value: Any) -> str:
    """What a value should be to take the place of another, and is not; empty if it is, or nothing tells."""
    if isinstance(current, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(current, int | float):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        whole = isinstance(current, int) and not isinstance(value, int)
        return "" if fits and not whole else "a whole number" if isinstance(current, int) else "a number"
    if value is None or current is None or current is inspect.Parameter.empty:
        return ""
    kinds = ((str, "a word"), (Mapping, "a dict"), (list | tuple, "a list"))
    return next((words for kind, words in kinds if isinstance(current, kind) and not isinstance(value, kind)), "")


def _retyped(node: dict[str, Any], name: Any, key: str) -> dict[str, Any]:
    """A dict with another ``type``; of a component, without the options that the new class does not take."""
    new = {**node, "type": name}
    if component_class(node) is None:
        return new
    component = component_class(new)
    if component is None:
        raise InputError(
            f"The override '{key}' names no registered component: '{name}'"
            f"{did_you_mean(str(name), known_components())}; --import names the module that registers one of your own."
        )
    return {option: value for option, value in new.items() if option in ("type", *options(component))}


def _names_nothing(node: Any, path: list[str], key: str) -> str:
    missing = path[0]
    above = key.split(".")[: -len(path)]
    place = f"'{'.'.join(above)}'" if above else "the config"
    if isinstance(node, dict):
        component = component_class(node)
        known = list(options(component)) if component else list(map(str, node))
        has = f"{node['type']} takes {', '.join(known)}" if component else f"it has {', '.join(known)}"
        return (
            f"The override '{key}' names no config key: {place} has no '{missing}'{did_you_mean(missing, known)}; "
            f"{has}."
        )
    if isinstance(node, list | tuple):
        return f"The override '{key}' names no config key: {place} is a list with places 0 to {len(node) - 1}."
    return f"The override '{key}' names no config key: {place} is a value without keys."
