"""Requests to end that are noted and met when nothing of the work is lost by it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)  # by which a cluster tells that time is nearly up
REQUESTS = (signal.SIGINT, signal.SIGTERM, *WARNINGS)

_noted: list[int] = []
_former: dict[int, Any] = {}


@contextmanager
def noted_requests() -> Iterator[None]:
    """Note signals that ask this process to end, instead of ending, for as long as the block lasts.

    The block looks at :func:`requested` where it can end and calls :func:`end`; at the latest the signal does what it
    would have done when the block is left, by an exception too. A second Ctrl-C acts at once. A signal that is ignored
    stays so. Outside of the main thread, which alone gets signals, nothing is noted.
    """
    if threading.current_thread() is not threading.main_thread() or _former:
        yield
        return
    _noted.clear()
    for number in REQUESTS:
        handler = signal.getsignal(number)
        if callable(handler) or handler is signal.SIG_DFL:
            _former[number] = handler
            signal.signal(number, _note)
    try:
        yield
    finally:
        _restore()
        if _noted:
            end(_noted[0])


def requested() -> int:
    """The first signal that has asked this process to end; 0 if none has."""
    return _noted[0] if _noted else 0


def end(number: int) -> NoReturn:
    """Let a signal do to this process what it would have done."""
    _restore()
    _noted.clear()
    signal.raise_signal(number)
    raise SystemExit(128 + number)  # where it is ignored here, and another process has got it


def _note(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGINT and _noted:
        end(number)
    # Others may come twice: from a cluster to all processes, and from the one that started this.
    _noted.append(number)


def _restore() -> None:
    for number, handler in _former.items():
        signal.signal(number, handler)
    _former.clear()
