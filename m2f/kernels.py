"""Loops that numba compiles, kept on the disk where there is a place to keep them."""

from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Any], Any]:
    """Decorate a function that numba is to compile, on first use, to code that holds no lock.

    The code is kept where numba finds a directory to write: ``NUMBA_CACHE_DIR``, beside the source, or in the user's
    home; it is found again while the file of the function is what it was, whatever becomes of those that it calls from
    other files. Where all are read-only, numba would refuse to go on; then each process compiles anew, which takes
    seconds.

    Args:
        options: more of ``numba.njit``'s.

    Raises:
        ValueError: the function holds variables of one that it is defined in. numba finds its code again by their
            values, and functions among them are others in each process: each would compile anew, and keep one more.
    """

    def decorate(function: Any) -> Any:
        if function.__closure__:
            raise ValueError(
                f"{function.__qualname__} holds {', '.join(function.__code__.co_freevars)}; pass them to it."
            )
        try:
            return numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # no locator available
            return numba.njit(nogil=True, **options)(function)

    return decorate
