"""What components ask of their arguments when they are built, each answered by a sentence that names the argument."""

from typing import Any


def require_whole(**arguments: Any) -> None:
    """See that arguments, given by their names, are whole numbers of at least 1.

    Raises:
        ValueError: one is not.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number, at least 1, not {value!r}")


def require_between(low: float, high: float, **arguments: Any) -> None:
    """See that arguments are numbers from ``low`` to ``high``.

    Raises:
        ValueError: one is not.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            words = f"a number from {low:g} to {high:g}" if high < float("inf") else f"a number, at least {low:g}"
            raise ValueError(f"{name} must be {words}, not {value!r}")


def require_divisible(embed_dims: Any, **parts: Any) -> None:
    """See that ``embed_dims`` is divisible by each of the parts, all of them whole numbers of at least 1.

    Raises:
        ValueError: it is not.
    """
    require_whole(embed_dims=embed_dims, **parts)
    for name, value in parts.items():
        if embed_dims % value:
            raise ValueError(f"embed_dims, {embed_dims}, must be divisible by {name}, {value}")
