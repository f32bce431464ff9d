"""Reading torch's files as tensors and plain values alone."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch

from m2f.checkpoints.plain_pickle import NUMPY
from m2f.checkpoints.sizes import require_stored
from m2f.errors import InputError


class Ignored:
    """mmengine's history of the log, of which nothing is needed."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


# What trainings with mmengine write besides tensors names these; each name means a class that holds or drops it.
# A history names its own methods by getattr.
BESIDE_TENSORS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *((replacement, name) for name, replacement in NUMPY.items()),
    (Ignored, "mmengine.logging.history_buffer.HistoryBuffer"),
    (Ignored, "builtins.getattr"),
]


def read_torch(path: Path) -> Any:
    """What a file of torch's holds, on the CPU.

    Raises:
        InputError: it is missing, damaged, takes more memory than its size tells, or holds more than tensors and plain
            values.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; name a checkpoint file.")
    if is_zipfile(path):  # torch's files of before 1.6 are none, and have no checksums
        try:
            require_whole(path)
        except Exception as error:  # a damaged file may raise any
            raise InputError(
                f"{path} is damaged ({error}); get it again, or if a run wrote it, remove the run's directory and "
                "train again."
            ) from error
    try:
        return tensors_alone(path, "cpu")
    except Exception as error:  # a damaged file may raise any
        raise InputError(f"{path} cannot be read as tensors alone, get an official one; {reason(error)}.") from error


def require_whole(path: Path) -> None:
    """Look at the checksums of a file that torch wrote; torch itself reads a damaged tensor without a word.

    Raises:
        ValueError: one is wrong, or the file takes more memory than its size tells.
        BadZipFile: the file is cut off.
    """
    with ZipFile(path) as archive:
        require_stored(archive, path.stat().st_size)
        if part := archive.testzip():
            raise ValueError(f"the checksum of {part} is wrong")


def tensors_alone(path: Path, map_location: Any) -> Any:
    """What a file holds, read by torch's reader that calls nothing."""
    with torch.serialization.safe_globals(BESIDE_TENSORS):
        return torch.load(path, map_location=map_location, weights_only=True)


def reason(error: Exception) -> str:
    """Why a file was not read, without a full stop."""
    if named := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it names {named[1]}, which may run anything"
    if isinstance(error, pickle.UnpicklingError):  # torch's own words advise to let the file run what it likes
        return "it is damaged, was not written by torch, or holds more than tensors"
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
