"""Reading config files: those that people write are code, those that a run keeps are data."""

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m2f.errors import InputError
from m2f.files import read_regular

if TYPE_CHECKING:
    from mmengine import Config

OF_A_RUN = "run.json"  # lies beside a config that a run keeps
SCOPE = "m2f"
SWEEPS = "sweeps"  # a directory of every store


def read_config(path: Path) -> "Config":
    """A config file with its bases. It is run as Python code, unless a run keeps it: then it holds values alone.

    Raises:
        InputError: it is missing, cannot be read, or a run keeps it and it is more than values.
    """
    from mmengine import Config

    from m2f.own_configs import name_own_configs

    if not path.is_file():
        raise InputError(f"There is no config {path}; name one as in configs/, or the config.py of a run.")
    if of_a_run(path):
        return Config(read_values(path), filename=path)
    name_own_configs()
    try:
        config = Config.fromfile(path)
        return Config(unmarked(config.to_dict()), filename=config.filename)
    except Exception as error:  # a config is code, and may raise any
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path} cannot be read as a config, {type(error).__name__}: {reason}; mend it.") from error


def unmarked(value: Any) -> Any:
    """A config's value without the marks that mmengine leaves in what comes of an ``m2f::`` base.

    All is built in our scope anyway; and not all that takes a dict with a type, such as ``collate_fn``, takes them.
    """
    if isinstance(value, dict):
        return {key: unmarked(item) for key, item in value.items() if (key, item) != ("_scope_", SCOPE)}
    if isinstance(value, list | tuple):
        return type(value)(unmarked(item) for item in value)
    return value


def of_a_run(path: Path) -> bool:
    """Whether a config lies beside a run's record, or anywhere in a store, where each run has a directory."""
    stores = path.absolute().parents[2:4]  # of runs/<run>/config.py and of reruns/<run>/<n>/config.py
    return (path.parent / OF_A_RUN).exists() or any((store / SWEEPS).is_dir() for store in stores)


def read_values(path: Path) -> dict[str, Any]:
    """The values of a run's ``config.py`` by name. Nothing is run, and it takes a twentieth of what mmengine takes.

    Raises:
        InputError: it is not there, damaged, or more than values.
    """
    try:
        return parsed_values(read_regular(path))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a run's config; remove its run directory and give the `m2f run` that made it "
            "again."
        ) from error


def parsed_values(text: bytes) -> dict[str, Any]:
    """The values by name that are written in the text of a run's ``config.py``.

    Raises:
        ValueError: it is damaged, or more than values.
    """
    try:
        lines = ast.parse(text).body
        return {line.targets[0].id: ast.literal_eval(line.value) for line in lines}  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise ValueError("it is not made of values") from error
