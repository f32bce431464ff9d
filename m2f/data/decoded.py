"""Decoded pixels of small files, kept: a training reads each generated scene many times over, and decoding it takes
longer than all that is done with it afterwards."""

from functools import wraps
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

SMALL = 2**18  # bytes of one map: photographs are larger, and too many to be kept
MOST = 2**28  # bytes of all; two thousand scenes take most of it

Pixel = TypeVar("Pixel", bound=np.generic, covariant=True)
Size = tuple[int, int]
"""Height and width."""


class Reader(Protocol[Pixel]):
    """Gives a file's pixels, which must be of a size if one is given."""

    def __call__(self, path: str | Path, size: Size | None = None) -> NDArray[Pixel]:
        """Read."""


def kept_if_small(read: Reader[Pixel]) -> Reader[Pixel]:
    """Decorate a reader of files so that it decodes a small one once, for as long as the file stays as it is.

    What is kept is not given up for other files: in a random order any would be asked for again as soon. Every call
    gives an array of its own.
    """
    kept: dict[tuple[str, int, int, int], NDArray[Pixel]] = {}
    room = MOST

    @wraps(read)
    def reader(path: str | Path, size: Size | None = None) -> NDArray[Pixel]:
        nonlocal room
        state = version(path)
        if state in kept and size in (None, kept[state].shape[:2]):
            return kept[state].copy()
        pixels = read(path, size)
        if state is not None and state not in kept and pixels.nbytes <= min(SMALL, room):
            kept[state] = pixels.copy()
            room -= pixels.nbytes
        return pixels

    return reader


def version(path: str | Path) -> tuple[str, int, int, int] | None:
    """A file's place, number, size and time of its last change; None if it cannot be asked."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return str(path), state.st_ino, state.st_size, state.st_mtime_ns
