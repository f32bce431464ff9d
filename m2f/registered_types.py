"""Whether what a config names is registered: mmengine imports whatever a dotted ``type`` leads to, and calls it."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from m2f.errors import InputError

KEYS = ("type", "constructor", "resize_type", "ema_type")  # of a config's dicts, that name what is built
SCOPE_KEYS = ("default_scope", "_scope_")  # that name a package, whose registries mmengine imports
PICKLES = ("pkl", "pickle")  # whose content may run anything when OpenMMLab's data sets and transforms read them
WEIGHTS = ("load_from", "checkpoint", "pretrained")  # keys of files that are read as tensors alone
PACKAGES = ("mmdet", "mmseg")  # whose registries are imported when a config names them; mmcv's are mmengine's own


def require_registered(config: Any, where: str) -> None:
    """See that a config names nothing that is not registered, before anything is built of it.

    Args:
        config: dicts and lists of plain values.
        where: the config's file, for the sentence.

    Raises:
        InputError: a component is not registered, such as ``subprocess.call``, a scope is unknown, or a file of data is
            a pickle.
    """
    values = dict(_values(config, ""))
    names = {key: value for key, value in values.items() if key.rpartition(".")[2] in KEYS}
    known = registered_names({name.partition(".")[0] for name in names.values() if "." in name})
    for key, name in names.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise InputError(
                f"{where}: '{key}' is '{name}', which is not registered{hint}; name a registered component, and with "
                "--import the module that registers one of your own."
            )
    for key, value in values.items():
        last = key.rpartition(".")[2]
        if last in SCOPE_KEYS and value not in known_scopes():
            raise InputError(
                f"{where}: '{key}' is '{value}', which no registry has as its scope; write m2f, and with --import name "
                "the module that makes a registry of your own."
            )
        if last not in WEIGHTS and value.lower().rpartition(".")[2] in PICKLES:
            raise InputError(
                f"{where}: '{key}' is '{value}', a pickle, which may run anything when it is read; write it as JSON."
            )


def can_be_registered(name: str) -> bool:
    """Whether a ``type`` is a name alone or one of a registry's scope: of all else, mmengine's registries import it."""
    import mmengine.registry as roots

    scope, dot, rest = name.partition(".")
    return bool(name) and (not dot or ("." not in rest and scope in {"mmengine", *PACKAGES, *roots.MODELS.children}))


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
    import_module("m2f.openmmlab")
    for registry in registries:  # all before any is read: what one imports may register with another
        registry.import_from_location()
    scoped = {f"{registry.scope}.{name}" for registry in registries for name in registry.module_dict}
    return scoped | {
        name for registry in registries if registry.scope in ("mmengine", "m2f") for name in registry.module_dict
    }


def known_scopes() -> set[str]:
    """The scopes of all registries that there are, and of OpenMMLab's packages."""
    import mmengine.registry as roots

    registries = [root for root in vars(roots).values() if isinstance(root, roots.Registry)]
    return {"mmengine", *PACKAGES, *(scope for root in registries for scope in root.children)}


def _values(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """The dotted keys of all texts of a config, with the texts."""
    pairs = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, value in pairs:
        here = f"{place}.{key}" if place else str(key)
        if isinstance(value, str):
            yield here, value
        else:
            yield from _values(value, here)
