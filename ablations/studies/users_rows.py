"""A user's own rows: of a table of the paper, or of a table of his own."""

import importlib
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ablations.choice import choose
from ablations.studies import STUDIES
from ablations.studies.study import Study, Variation
from m2f.errors import InputError


def add_row(table: str, variation: Variation) -> None:
    """Add a row to a table, for as long as this process lives.

    Its provenance is *own*. The module that calls is added to its ``imports``, so that the processes that train it
    find the components that the module registers.

    Raises:
        InputError: there is no such table, or it has a row of that name.
    """
    study = STUDIES[choose(table, STUDIES, "table")]
    if variation.name in [row.name for row in study.variations]:
        raise InputError(f"Table {study.table} has a row '{variation.name}' already; give yours another name.")
    STUDIES[study.table] = replace(study, variations=(*study.variations, _own(variation, _caller())))


def add_study(study: Study) -> None:
    """Add a table of one's own; what :func:`add_row` says of a row holds for each of its rows that changes anything.

    Raises:
        InputError: there is a table of that name.
    """
    if study.table in STUDIES:
        raise InputError(f"There is a table '{study.table}' already; give yours another name.")
    module = _caller()
    rows = tuple(_own(row, module) if row.overrides else row for row in study.variations)
    STUDIES[study.table] = replace(study, variations=rows)


def _own(variation: Variation, module: str) -> Variation:
    return replace(variation, provenance="own", imports=(*variation.imports, module))


def _caller() -> str:
    """The name of the module that called the function that calls this, found as ``collections.namedtuple`` does."""
    return sys._getframe(2).f_globals["__name__"]


def import_modules(names: Collection[str]) -> None:
    """Import modules that register components and add rows; they may lie in the current directory.

    Processes that this one starts look for modules where it does. Where none is named, none is looked for there: what
    a store names must find no stranger's file.

    Raises:
        InputError: there is no such module, or it does not import.
    """
    here = str(Path.cwd())
    if names and here not in sys.path:
        sys.path.append(here)  # last, so that no file there takes the place of an installed package
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise InputError(f"--import wants a module's name, such as my_attention for my_attention.py, not '{name}'.")
        try:
            importlib.import_module(name)
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # a module is code, and may do anything
            raise InputError(_import_trouble(name, error, here)) from error


def _import_trouble(name: str, error: BaseException, here: str) -> str:
    missing = isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}.")
    if missing:
        return (
            f"There is no module '{name}' in {here} or among the installed ones; --import wants a module's name, "
            "such as my_attention for my_attention.py."
        )
    reason = str(error).strip().partition("\n")[0]
    return (
        f"The module '{name}' cannot be imported, {type(error).__name__}: {reason}; mend it and give the command again."
    )
