"""Which of many files are there, without asking for each."""

from collections.abc import Iterable
from pathlib import Path


def first_missing(paths: Iterable[Path]) -> Path | None:
    """The first of these files that is not there, if any; each directory is read but once."""
    found: dict[Path, set[str]] = {}
    for path in paths:
        if path.parent not in found:
            found[path.parent] = listed(path.parent)
        if path.name not in found[path.parent] and not path.exists():
            return path
    return None


def listed(directory: Path, suffix: str = "") -> set[str]:
    """The names in a directory that end so, none if it is not there."""
    return {path.name for path in directory.glob(f"*{suffix}")}
