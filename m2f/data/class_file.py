"""``classes.txt`` of a data set with semantic maps: the names of its classes, one a line, in the labels' order."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m2f.data.classes import check_same_classes
from m2f.errors import InputError

CLASS_FILE = "classes.txt"
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
    """Check that a data set's config has the classes of the class file beside its maps, where it has one.

    The config has its names from that file, which may have been mended since, or be another data set's by now.

    Args:
        dataset: its config, without wrappers, data paths resolved; of other types than mmseg's plain one, whose classes
            come from elsewhere, nothing is checked.

    Raises:
        InputError: the classes differ, of which the first is named; or label 0 is no class in the file alone.
    """
    kind = str(dataset.get("type", "")).rpartition(".")[2]
    names = dataset.get("metainfo", {}).get("classes")
    if kind != "BaseSegDataset" or not isinstance(names, list | tuple):
        return
    file = read_class_file(Path(dataset.get("data_root") or ""))
    if file is None:
        return
    check_same_classes(str(file.path), file.names, "the config", names, MEND)
    if file.zero_is_void and not dataset.get("reduce_zero_label"):
        raise InputError(
            f"{file.path} says with a line '{NO_CLASS}' that label 0 is no class, and the config takes it for "
            f"'{names[0]}'; set reduce_zero_label=True in both data sets of the config, or remove the line."
        )


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
