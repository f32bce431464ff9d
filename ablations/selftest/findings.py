"""What a check finds: differences and how large they may be."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Difference = tuple[str, float, float]
"""What is compared, how far it is apart, and how far it may be."""


@dataclass(frozen=True)
class Finding:
    """One number beside another.

    Attributes:
        check: which of the checks.
        subject: what was computed, such as a design.
        quantity: what of it was compared.
        difference: how far it is apart; None where it is no finite number or nothing was computed.
        bound: how far it may be.
        error: what was raised in place of a number.
    """

    check: str
    subject: str
    quantity: str
    difference: float | None
    bound: float
    error: str = ""

    @property
    def right(self) -> bool:
        """Whether it is as near as it must be."""
        return self.difference is not None and self.difference <= self.bound


def findings_of(check: str, subject: str, compare: Callable[[], Iterable[Difference]]) -> list[Finding]:
    """What a comparison finds; what it raises is found wrong, and the other checks go on."""
    try:
        return [
            Finding(check, subject, quantity, difference if math.isfinite(difference) else None, bound)
            for quantity, difference, bound in compare()
        ]
    except Exception as error:  # whatever a device that was never tried comes up with
        words = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return [Finding(check, subject, "all", None, 0.0, words)]


def relative(found: float, expected: float) -> float:
    """The difference as a share of what is expected."""
    return abs(found - expected) / abs(expected)
