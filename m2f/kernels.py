"""Loops that numba compiles, kept on the disk where there is a place to keep them."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Any], Any]:
    """Decorate a function that numba is to compile, on first use, to code that holds no lock.

    The code is kept where numba finds a directory to write: ``NUMBA_CACHE_DIR``, beside the source, or in the user's
    home. Where all are read-only, numba would refuse to go on; then each process compiles anew, which takes seconds.

    Args:
        options: more of ``numba.njit``'s.
    """

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # no locator available
            return numba.njit(nogil=True, **options)(function)

    return decorate
