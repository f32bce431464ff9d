"""Writing files that a reader or a crash never sees half done."""

import json
import os
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: bytes, *, lasting: bool = True) -> None:
    """Write to a temporary name beside ``path`` and rename into place.

    Args:
        path: the file.
        content: all of it.
        lasting: flush it to the disk, so that it outlasts a loss of power; the disk takes milliseconds for that. What
            can be told or written again need not be.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
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
