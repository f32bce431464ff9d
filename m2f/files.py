"""Files and directories that a reader or a crash never sees half done, and JSON that is whole."""

import errno
import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from m2f.errors import InputError

LARGEST = 2**30  # bytes, of a file of a store


def load_json(path: Path, mend: str = "fetch or generate it again") -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        mend: what to do where it cannot be used.

    Raises:
        InputError: the file is missing, or it is not whole JSON, or nested deeper than Python reads.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"Cannot read {path} ({error.strerror}); {mend}.") from error
    except ValueError as error:
        raise InputError(f"{path} is not whole JSON ({error}); {mend}.") from error
    except RecursionError as error:
        raise InputError(f"{path} is not JSON as people write it: it is nested too deep; {mend}.") from error


def read_regular(path: Path) -> bytes:
    """The content of a file of a store: a pipe or a device would have no end.

    Raises:
        OSError: it is not there, no file, or larger than anything that m2f writes.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        if status.st_size > LARGEST:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return file.read()


def sha256(path: Path) -> bytes:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def files_below(directory: Path, within: frozenset[str] = frozenset()) -> Iterator[Path]:
    """All files in a directory and its directories, those behind links too, but no hidden files: as mmseg has it.

    Args:
        directory: the directory; one that is not there, or that cannot be listed, has none.
        within: real paths of directories that it lies in, so that a link to one of these has an end.
    """
    real = os.path.realpath(directory)
    if real in within:
        return
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            yield from files_below(directory / entry.name, within | {real})
        elif entry.is_file() and not entry.name.startswith("."):
            yield directory / entry.name


def require_place(path: Path, apart_from: Iterable[Path] = ()) -> None:
    """See that a file can be written, before the work whose result it is to hold.

    Args:
        path: the file; what is there is meant to be written over.
        apart_from: files and directories that it must not be, or lie in.

    Raises:
        InputError: it is or lies in one of these, it is a directory, or its directory cannot be written to.
    """
    place = real_path(path)
    for other in apart_from:
        if place == real_path(other) or (other.is_dir() and real_path(other) in place.parents):
            raise InputError(f"{path} would be written over {other}; name another file.")
    if path.is_dir():
        raise InputError(f"{path} is a directory; name a file.")
    try:
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name another file.") from error


def real_path(path: Path) -> Path:
    """Where a path leads; as far as can be told, if through links that lead to themselves."""
    return Path(os.path.realpath(path))


def write_json(path: Path, value: Any, *, lasting: bool = True) -> None:
    """Write ``value`` as readable JSON, as :func:`write_atomically` does. NaN is refused: it is not JSON."""
    write_atomically(path, json.dumps(value, indent=1, allow_nan=False).encode(), lasting=lasting)


def write_atomically(path: Path, content: bytes, *, lasting: bool = True) -> None:
    """Write ``content`` to ``path``, as :func:`new_file` does."""
    with new_file(path, lasting=lasting) as file:
        file.write(content)


@contextmanager
def new_file(path: Path, *, lasting: bool = True) -> Iterator[BinaryIO]:
    """A file beside ``path`` to write to, which takes its place if all goes well and else is removed.

    Args:
        path: the file; one that is there is written over.
        lasting: flush the content to the disk first, so that a loss of power does not leave the file without it. That
            takes milliseconds, and what can be told or written again does not need it.
    """
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A directory beside ``path`` to write to, which takes its place if all goes well and else is removed.

    Parents of ``path`` are made. Whoever must not find an empty directory there either looks before.

    Raises:
        FileExistsError: something other than an empty directory is at ``path`` in the end, and stays as it is.
        OSError: the directory cannot be made.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        try:
            temporary.rename(path)
        except OSError as error:
            if not path.exists():
                raise
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
