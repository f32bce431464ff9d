"""``classes.txt`` of a data set with semantic maps: the names of its classes, one a line, in the labels' order."""

from collections import Counter
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from m2f.data.classes import check_same_classes
from m2f.errors import InputError
from m2f.registered_types import can_be_registered

CLASS_FILE = "classes.txt"
PLAIN_TYPE = "BaseSegDataset"  # mmseg's, which has no classes of its own
NO_CLASS = "-"  # in the first line, for label 0
MEND = (
    "if the labels mean the same, call them alike in both; else write the config of these maps with `m2f data init`, "
    "or number the maps as the config has them"
)


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


def check_class_file(dataset: Any) -> None:
    """Check that a data set with semantic maps has the classes of the class file beside them, if there is one.

    A config has its names from that file, which may have been mended since, or be another data set's by now. mmseg's
    types have names of their own, such as ADE20K's, whose images may have been given other maps.

    Args:
        dataset: its config, without wrappers, data paths resolved; of types with annotation files nothing is checked.

    Raises:
        InputError: the classes differ, of which the first is named; or label 0 is no class in the file alone.
    """
    file = read_class_file(Path(dataset.get("data_root") or ""))
    names, zero_is_void = told_by(dataset) if file else (None, False)
    if file is None or not isinstance(names, list | tuple):
        return
    names = [str(name).strip() for name in names]  # as the file's are; mmseg has a 'bed ' in ADE20K
    check_same_classes(str(file.path), file.names, "the config", names, MEND)
    if file.zero_is_void and not zero_is_void:
        raise InputError(
            f"{file.path} says with a line '{NO_CLASS}' that label 0 is no class, and the config takes it for "
            f"'{names[0]}'; set reduce_zero_label=True in both data sets of the config, or remove the line."
        )


def told_by(dataset: Any) -> tuple[Any, bool]:
    """The names of a data set's classes, and whether label 0 is none, by its config or else its type.

    Args:
        dataset: see :func:`check_class_file`; of a type without semantic maps no names are told.
    """
    names, zero_is_void = dataset.get("metainfo", {}).get("classes"), dataset.get("reduce_zero_label")
    name = str(dataset.get("type", ""))
    if name.rpartition(".")[2] == PLAIN_TYPE:
        return names, bool(zero_is_void)
    kind = type_with_maps(name)
    if kind is None:
        return None, False
    if zero_is_void is None:
        parameter = signature(kind).parameters.get("reduce_zero_label")
        zero_is_void = parameter is not None and parameter.default is True
    return names or kind.METAINFO.get("classes"), bool(zero_is_void)


def type_with_maps(name: str) -> Any:
    """A registered type of data sets with semantic maps, one of mmseg's; None if it is none."""
    from m2f.openmmlab import BaseSegDataset
    from m2f.registry import DATASETS

    kind = DATASETS.get(name) if can_be_registered(name) else None  # of other names mmengine imports what they lead to
    return kind if isinstance(kind, type) and issubclass(kind, BaseSegDataset) else None


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
