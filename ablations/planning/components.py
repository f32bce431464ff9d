"""Components of a config, the dicts whose ``type`` m2f's registry knows: which options each of them takes."""

import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any


def component_class(node: Any) -> type | None:
    """The class that a dict of a config builds; None if it is no component of ``m2f.registry.MODELS``."""
    if not isinstance(node, Mapping) or not isinstance(node.get("type"), str):
        return None
    from m2f.registered_types import can_be_registered
    from m2f.registry import MODELS  # with torch and all models: seconds

    found = MODELS.get(node["type"]) if can_be_registered(node["type"]) else None
    return found if isinstance(found, type) else None


def known_components() -> Iterable[str]:
    """The names of m2f's own components and of those that a user's modules have added."""
    from m2f.registry import MODELS

    return MODELS.module_dict


@cache
def options(component: type) -> dict[str, Any]:
    """The options that a component's constructor takes, with their defaults; ``inspect.Parameter.empty`` for none.

    Where it passes ``**kwargs`` on, its parents' options are among them.
    """
    defaults: dict[str, Any] = {}
    for owner in component.__mro__:
        if "__init__" not in vars(owner):
            continue
        _, *parameters = inspect.signature(vars(owner)["__init__"]).parameters.values()
        named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
        defaults = {**{each.name: each.default for each in named}, **defaults}
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    return defaults
