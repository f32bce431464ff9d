"""Reading pickles of numpy arrays and plain containers without running anything that they name.

A pickle is a program that may call what it names. Here it may name what numpy's arrays are made of, and a dict that
keeps its order, and nothing else; and the numpy names do not mean numpy's own functions, which trust their arguments,
but the three classes below, which look at them.
"""

import math
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from m2f.errors import InputError

NUMBERS = re.compile("[fiu][1248]|b1")


class Refused(pickle.UnpicklingError):
    """What a pickle holds that is not admitted."""


class Kind:
    """``numpy.dtype``: the kind of an array's numbers. Objects, records and text are no numbers."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any = "", align: Any = False, copy: Any = False) -> None:
        if not isinstance(code, str) or not NUMBERS.fullmatch(code):
            raise Refused(f"an array of {code!r}, which are not numbers")
        self.code = code
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        _, order, *parts = state
        if order not in ("<", ">", "=", "|") or parts[:3] != [None, None, None]:
            raise Refused("an array of records, which are not numbers")
        self.order = order

    def numbers(self, data: Any) -> np.ndarray:
        """``[N]`` from the bytes of N numbers."""
        return np.frombuffer(data, np.dtype(self.order + self.code))


class Bytes:
    """``_codecs.encode``: bytes that Python 3 wrote as text for Python 2."""

    __slots__ = ("data",)

    def __init__(self, text: Any, encoding: Any) -> None:
        if not isinstance(text, str) or encoding != "latin1":
            raise Refused(f"text in {encoding!r}")
        self.data = text.encode("latin1")

    def __setstate__(self, state: Any) -> None:
        raise Refused("bytes with a state")


class Array:
    """``numpy.ndarray``, and what makes one. Holds nothing until its state is set."""

    __slots__ = ("values",)

    def __init__(self, *_: Any) -> None:
        self.values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        self.values = shaped(kind, data, shape, columns_first is True)


class BufferArray(Array):
    """numpy's maker of arrays in pickles of protocol 5."""

    __slots__ = ()

    def __init__(self, data: Any, kind: Any, shape: Any, order: Any) -> None:
        self.values = shaped(kind, data, shape, order == "F")


class Number(Array):
    """numpy's maker of single numbers."""

    __slots__ = ()

    def __init__(self, kind: Any, data: Any) -> None:
        self.values = shaped(kind, data, (), False)


def shaped(kind: Any, data: Any, shape: Any, columns_first: bool) -> np.ndarray:
    """An array from the parts of its pickle."""
    if isinstance(data, str):  # written by Python 2
        data = data.encode("latin1")
    elif isinstance(data, Bytes):
        data = data.data
    if type(kind) is not Kind or not isinstance(data, bytes | bytearray):
        raise Refused("an array without its kind or its bytes")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise Refused(f"an array of shape {shape!r}")
    numbers = kind.numbers(data)
    if len(numbers) != math.prod(shape):
        raise Refused(f"{len(numbers)} numbers for an array of shape {shape}")
    return numbers.reshape(shape, order="F" if columns_first else "C")


NUMPY = {
    f"{package}.{name}": replacement
    for package in ("numpy.core", "numpy._core")  # of numpy 1 and 2
    for name, replacement in (
        ("multiarray._reconstruct", Array),
        ("multiarray.scalar", Number),
        ("numeric._frombuffer", BufferArray),
    )
} | {"numpy.ndarray": Array, "numpy.dtype": Kind, "_codecs.encode": Bytes}
ADMITTED: dict[str, Any] = {**NUMPY, "collections.OrderedDict": OrderedDict}


class PlainUnpickler(pickle.Unpickler):
    """An unpickler to which all names but ``ADMITTED`` are an error."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name means."""
        if f"{module}.{name}" not in ADMITTED:
            raise Refused(f"{module}.{name}, which may run anything")
        return ADMITTED[f"{module}.{name}"]


def read_plain_pickle(path: Path) -> Any:
    """What a pickle of containers, numbers, text and arrays holds; arrays come as :class:`Array`.

    Raises:
        InputError: the file cannot be read or holds anything else.
    """
    try:
        with path.open("rb") as file:
            return PlainUnpickler(file, encoding="latin1").load()
    except Refused as error:
        raise InputError(f"{path} is refused, get an official checkpoint; it holds {error}.") from error
    except Exception as error:  # a damaged pickle may raise any
        raise InputError(f"{path} is damaged or no pickle, fetch it again; it says: {error}.") from error
