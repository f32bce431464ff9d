"""The weights that a training begins from by their content: the file of a name can be replaced by another."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from m2f.data.paths import PREFIX
from m2f.engine.addresses import weights_of
from m2f.errors import InputError
from m2f.files import sha256

OF_TRANSFORMERS = (".json", ".safetensors")  # what is read of a directory


def weights_fingerprints(config: Mapping[str, Any], data_directory: Path) -> dict[str, str]:
    """SHA-256, in hex, of the content of each file or directory of weights that a config names, by its key.

    Args:
        config: a whole one; see :func:`m2f.engine.addresses.weights_of` for what is looked at.
        data_directory: takes the place of ``data`` in its paths.

    Returns:
        Nothing of what is at a web address, which names it, or is not there, which is told before a training starts.

    Raises:
        InputError: a file cannot be read.
    """
    digests = {key: content_digest(key, place, data_directory) for key, place in weights_of(config).items()}
    return {key: digest for key, digest in digests.items() if digest is not None}


def content_digest(key: str, place: object, data_directory: Path) -> str | None:
    """The digest of one file or directory, see :func:`weights_fingerprints`; None where it has none."""
    if not isinstance(place, str) or not place or "://" in place:
        return None
    path = data_directory / place.removeprefix(PREFIX) if place.startswith(PREFIX) else Path(place).expanduser()
    try:
        digests = [as_it_is(file, file.stat().st_size, file.stat().st_mtime_ns) for file in read_of(path)]
    except OSError as error:
        raise InputError(f"{key} names {path}, which cannot be read ({error.strerror}); name another.") from error
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else None


def read_of(path: Path) -> list[Path]:
    """The files that are read of weights: a file itself, the tensors and configs of a directory."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and file.suffix in OF_TRANSFORMERS)
    return [path] if path.is_file() else []


@cache
def as_it_is(path: Path, size: int, changed: int) -> bytes:
    """The SHA-256 of a file, once for all rows and seeds of a plan while it keeps its size and time of change."""
    return sha256(path)
