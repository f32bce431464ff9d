"""Whether what a config names is registered: mmengine imports whatever a dotted ``type`` leads to, and calls it."""

from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from difflib import get_close_matches
from importlib import import_module
from io import StringIO
from typing import Any

from m2f.errors import InputError

KEYS = ("type", "constructor")  # of a config's dicts, that name what is built
PACKAGES = ("mmdet", "mmseg")  # whose registries are imported when a config names them; mmcv's are mmengine's own


def require_registered(config: Any, where: str) -> None:
    """See that each component of a config is registered, before anything is built of it.

    Args:
        config: dicts and lists of plain values.
        where: the config's file, for the sentence.

    Raises:
        InputError: one is not, such as ``subprocess.call``.
    """
    names = dict(_named(config, ""))
    known = registered_names({name.partition(".")[0] for name in names.values() if "." in name})
    for key, name in names.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise InputError(
                f"{where}: '{key}' is '{name}', which is not registered{hint}; name a registered component, and with "
                "--import the module that registers one of your own."
            )


def registered_names(scopes: set[str]) -> set[str]:
    """What a ``type`` may be: names of m2f's and mmengine's registries, and ``scope.Name`` of those and the scopes'."""
    import mmengine.registry as roots

    import_module("m2f.registry")
    for package in PACKAGES:
        if package in scopes:
            import_module(f"{package}.registry")
    registries = [
        registry
        for root in vars(roots).values()
        if isinstance(root, roots.Registry)
        for registry in (root, *root.children.values())
        if registry.scope in {"mmengine", "m2f", *scopes}
    ]
    with redirect_stdout(StringIO()):  # OpenMMLab's packages print when they are imported
        for registry in registries:  # all before any is read: what one imports may register with another
            registry.import_from_location()
    scoped = {f"{registry.scope}.{name}" for registry in registries for name in registry.module_dict}
    return scoped | {
        name for registry in registries if registry.scope in ("mmengine", "m2f") for name in registry.module_dict
    }


def _named(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """The dotted keys that name components, with the names."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            here = f"{place}.{key}" if place else str(key)
            if key in KEYS and isinstance(value, str):
                yield here, value
            else:
                yield from _named(value, here)
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _named(value, f"{place}.{number}" if place else str(number))
