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
from typing import IO, Any

import numpy as np

from m2f.checkpoints.sizes import require_bounded
from m2f.errors import InputError

NUMBERS = re.compile("[fiu][1248]|b1")
MOST_DIMENSIONS = 64  # numpy's own limit


class Refused(pickle.UnpicklingError):
    """What a pickle holds that is not admitted."""


class Kind:
    """``numpy.dtype``: the kind of an array's numbers. Objects, records and text are no numbers."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any = "", align: Any = False, copy: Any = False) -> None:
        if not isinstance(code, str) or not NUMBERS.fullmatch(code):
            raise Refused(f"an array of {shown(code)}, which are not numbers")
        self.code = code
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        _, order, *parts = state
        if order not in ("<", ">", "=", "|") or parts[:3] != [None, None, None]:
            raise Refused("an array of records, which are not numbers")
        self.order = order

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return int(self.code[1:])

    def numbers(self, data: bytes | bytearray) -> np.ndarray:
        """``[N]`` from the bytes of N numbers."""
        return np.frombuffer(data, np.dtype(self.order + self.code))


class Bytes:
    """``_codecs.encode``: bytes that Python 3 wrote as text for Python 2. Many may share one text."""

    __slots__ = ("text",)

    def __init__(self, text: Any, encoding: Any) -> None:
        if not isinstance(text, str) or encoding != "latin1":
            raise Refused(f"text in {shown(encoding)}")
        self.text = text

    def __setstate__(self, state: Any) -> None:
        raise Refused("bytes with a state")


class Array:
    """``numpy.ndarray``, and what makes one. Holds nothing until its state is set."""

    __slots__ = ("parts",)

    def __init__(self, *_: Any) -> None:
        self.parts: tuple[Kind, bytes | bytearray | str, tuple[int, ...], bool] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        self.parts = looked_at(kind, data, shape, columns_first is True)

    @property
    def values(self) -> np.ndarray | None:
        """The numbers. Text becomes bytes only here, since arrays without end may share one text."""
        if self.parts is None:
            return None
        kind, data, shape, columns_first = self.parts
        numbers = kind.numbers(data.encode("latin1") if isinstance(data, str) else data)
        return numbers.reshape(shape, order="F" if columns_first else "C")


class BufferArray(Array):
    """numpy's maker of arrays in pickles of protocol 5."""

    __slots__ = ()

    def __init__(self, data: Any, kind: Any, shape: Any, order: Any) -> None:
        self.parts = looked_at(kind, data, shape, order == "F")


class Number(Array):
    """numpy's maker of single numbers."""

    __slots__ = ()

    def __init__(self, kind: Any, data: Any) -> None:
        self.parts = looked_at(kind, data, (), False)


def looked_at(
    kind: Any, data: Any, shape: Any, columns_first: bool
) -> tuple[Kind, bytes | bytearray | str, tuple[int, ...], bool]:
    """The parts of an array, which fit together."""
    if isinstance(data, Bytes):
        data = data.text
    if type(kind) is not Kind or not isinstance(data, bytes | bytearray | str):  # text was written by Python 2
        raise Refused("an array without its kind or its bytes")
    if (
        not isinstance(shape, tuple)
        or len(shape) > MOST_DIMENSIONS
        or not all(type(size) is int and 0 <= size < 2**63 for size in shape)
    ):
        raise Refused("an array without a shape")
    wanted = math.prod(shape)
    if len(data) != wanted * kind.width:
        raise Refused(f"{len(data)} bytes for {shown(wanted)} numbers of {kind.width}")
    return kind, data, shape, columns_first


def shown(value: Any) -> str:
    """A value in an error; containers may be larger than any memory once they are spelt out."""
    return repr(value)[:40] if type(value) in (str, bytes, int, float, bool) else f"a {type(value).__name__}"


class Ordered(OrderedDict[Any, Any]):
    """``collections.OrderedDict`` without attributes, such as torch's notes on a state."""

    def __setstate__(self, state: Any) -> None:
        pass


NUMPY: dict[str, Any] = {
    f"{package}.{name}": replacement
    for package in ("numpy.core", "numpy._core")  # of numpy 1 and 2
    for name, replacement in (
        ("multiarray._reconstruct", Array),
        ("multiarray.scalar", Number),
        ("numeric._frombuffer", BufferArray),
    )
} | {"numpy.ndarray": Array, "numpy.dtype": Kind, "_codecs.encode": Bytes}


class PlainUnpickler(pickle.Unpickler):
    """An unpickler to which all names but those of ``NUMPY`` and an ordered dict's are an error.

    Args:
        file: the pickle.
        size: how many bytes it has.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__(file, encoding="latin1")
        self.room = size

    def find_class(self, module: str, name: str) -> Any:
        """What a name means."""
        if f"{module}.{name}" == "collections.OrderedDict":
            return self.ordered
        if f"{module}.{name}" not in NUMPY:
            raise Refused(f"{module}.{name}, which may run anything")
        return NUMPY[f"{module}.{name}"]

    def ordered(self, pairs: Any = ()) -> Ordered:
        """A dict that keeps its order. All of them together have no more entries than the file has bytes."""
        self.room -= len(pairs)
        if self.room < 0:
            raise Refused("the same entries again and again")
        return Ordered(pairs)


def read_plain_pickle(path: Path) -> Any:
    """What a pickle of containers, numbers, text and arrays holds; arrays come as :class:`Array`.

    Raises:
        InputError: the file cannot be read or holds anything else.
    """
    try:
        with path.open("rb") as file:
            require_bounded(file)
            file.seek(0)
            return PlainUnpickler(file, path.stat().st_size).load()
    except Refused as error:
        raise InputError(f"{path} is refused, get an official checkpoint; it holds {error}.") from error
    except Exception as error:  # a damaged pickle may raise any
        says = str(error) or type(error).__name__
        raise InputError(f"{path} is damaged or no pickle, fetch it again; it says: {says}.") from error
