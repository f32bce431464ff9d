"""Whatever holds runs and their results: stores, packed stores, and results frames as CSV; several as one."""

from collections.abc import Sequence
from pathlib import Path

from ablations.store.packed import is_packed, read_packed
from ablations.store.results_frame import Results, joined, read_results
from m2f.errors import InputError


def read_source(path: Path) -> Results:
    """The results of a store, a packed store or a results frame.

    Raises:
        InputError: it is none of them.
    """
    if not path.exists():
        raise InputError(f"There is no store or packed store at {path}, and no results.csv; `m2f run` makes a store.")
    return read_results(path) if path.is_dir() and not is_packed(path) else read_packed(path)


def read_sources(paths: Sequence[Path]) -> Results:
    """The results of several sources as one.

    Raises:
        InputError: one of them cannot be read, or they contradict each other.
    """
    return joined([read_source(path) for path in dict.fromkeys(paths)])
