"""What m2f needs for some of its work alone: an extra of its installation, named where it is missing."""

from importlib import import_module
from types import ModuleType

from m2f.errors import InputError


def imported(module: str, extra: str) -> ModuleType:
    """A module that an extra installs.

    Args:
        module: its whole name.
        extra: as in ``pip install 'm2f[extra]'``.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise InputError(f"{package} is not installed; `pip install 'm2f[{extra}]'` installs it.") from error
