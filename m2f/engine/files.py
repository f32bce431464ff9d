"""Writing files that a reader or a crash never sees half done."""

import json
import os
import socket
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: bytes, *, lasting: bool = True) -> None:
    """Write to a temporary name beside ``path`` and rename into place.

    Args:
        path: the file.
        content: all of it.
        lasting: flush the content to the disk first, so that a loss of power does not leave the file without it. That
            takes milliseconds, and what can be told or written again does not need it.
    """
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, lasting: bool = True) -> None:
    """Write ``value`` as readable JSON, as :func:`write_atomically` does. NaN is refused: it is not JSON."""
    write_atomically(path, json.dumps(value, indent=1, allow_nan=False).encode(), lasting=lasting)
