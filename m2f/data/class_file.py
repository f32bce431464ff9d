"""``classes.txt`` of a data set with semantic maps: the names of its classes, one a line, in the labels' order."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from m2f.errors import InputError

CLASS_FILE = "classes.txt"
NO_CLASS = "-"  # in the first line, for label 0


@dataclass(frozen=True)
class ClassFile:
    """What a class file says.

    Attributes:
        path: of the file.
        names: of the classes, in the order of their labels.
        zero_is_void: whether it says that label 0 is no class, so that the first name is label 1's.
    """

    path: Path
    names: tuple[str, ...]
    zero_is_void: bool


def read_class_file(root: Path) -> ClassFile | None:
    """The class file of a data set's directory; None if there is none, or an empty one.

    Raises:
        InputError: it is no text in UTF-8, names a class twice, or leaves out another label than 0.
    """
    path = root / CLASS_FILE
    lines = lines_of(path) if path.is_file() else ()
    if not lines:
        return None
    zero_is_void = lines[0] == NO_CLASS
    names = lines[int(zero_is_void) :]
    if NO_CLASS in names:
        raise InputError(
            f"{path} has a line '{NO_CLASS}' that is not the first, and only label 0 can be left out so; write 255 in "
            "the maps where there is no class."
        )
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise InputError(f"{path} names two classes '{repeated}'; rename one, or give both one label in the maps.")
    return ClassFile(path, names, zero_is_void)


def lines_of(file: Path) -> tuple[str, ...]:
    """The lines of a text file that are not empty.

    Raises:
        InputError: it is no text in UTF-8.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is no text in UTF-8; save it in that encoding.") from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())
