"""What the labels of semantic maps mean: which are classes, what those are called, and whether 0 is one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from m2f.data.class_file import NO_CLASS, ClassFile, read_class_file
from m2f.data.images import VOID_LABEL, read_labels
from m2f.data.verify import Progress
from m2f.errors import InputError


@dataclass
class Shown:
    """What the maps of a split show.

    Attributes:
        maps: by label, how many show it; 255, which is no class, is left out.
        first: by label, the first of them.
        longer_sides: of each map, in pixels.
    """

    maps: Counter[int] = field(default_factory=Counter)
    first: dict[int, Path] = field(default_factory=dict)
    longer_sides: list[int] = field(default_factory=list)


def look_through(maps: Sequence[Path], what: str, progress: Progress) -> Shown:
    """See what maps show.

    Args:
        maps: their files.
        what: they are, for ``progress``.
        progress: is told how far it is.

    Raises:
        InputError: one cannot be read.
    """
    shown = Shown()
    for done, path in enumerate(maps, start=1):
        labels = read_labels(path)
        for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=VOID_LABEL + 1)[:VOID_LABEL]).tolist():
            shown.maps[label] += 1
            shown.first.setdefault(label, path)
        shown.longer_sides.append(max(labels.shape))
        progress(what, done, len(maps))
    return shown


def named_classes(root: Path, parts: Sequence[Shown]) -> tuple[tuple[str, ...], bool]:
    """The classes of a data set's maps, by ``classes.txt`` or else numbered; and whether label 0 is no class.

    Raises:
        InputError: the maps show fewer than two classes, or the file has not a name for each label, or leaves open
            which labels it names.
    """
    found = {label for shown in parts for label in shown.maps}
    file = read_class_file(root)
    if file is None:
        names, zero_is_void = tuple(f"class {label}" for label in range(max(found, default=0) + 1)), False
    else:
        names, zero_is_void = file.names, zero_is_no_class(file, parts)
    if len(found - {0} if zero_is_void else found) < 2:
        no_class = f"0 and {VOID_LABEL}, which are" if zero_is_void else f"{VOID_LABEL}, which is"
        raise InputError(
            f"The maps of {root} show one class alone, besides {no_class} no class; number the classes from 0, with "
            "the background as one of them, such as 0 and 1 in place of 0 and 255."
        )
    return names, zero_is_void


def zero_is_no_class(file: ClassFile, parts: Sequence[Shown]) -> bool:
    """Whether label 0 of maps is no class, so that a class file's first name is label 1's.

    Raises:
        InputError: the maps have a label without a name, or it could be either.
    """
    found = {label for shown in parts for label in shown.maps}
    highest, named = max(found, default=0), len(file.names)
    if named < 2:
        raise InputError(
            f"{file.path} names fewer than two classes; name one for each label, with the background as one of them."
        )
    if highest > named or (highest == named and 0 in found and not file.zero_is_void):
        raise unnamed(file, parts, highest)
    return file.zero_is_void or highest == named


def unnamed(file: ClassFile, parts: Sequence[Shown], label: int) -> InputError:
    """The error that maps have a label beyond the names of a class file, or one that may be."""
    named = len(file.names)
    paths = [shown.first[label] for shown in parts if label in shown.first]
    number, maps = sum(shown.maps[label] for shown in parts), sum(len(shown.longer_sides) for shown in parts)
    where = f"{number} of {maps} maps, first {paths[0]}"
    if label > named or file.zero_is_void:
        first = int(file.zero_is_void)
        return InputError(
            f"{file.path} names {named} classes, and the maps have label {label} ({where}); name a class for each "
            f"label from {first}, or write {VOID_LABEL} where there is none."
        )
    return InputError(
        f"{file.path} names {named} classes, and the maps have labels 0 to {label} ({label} in {where}): if 0 is no "
        f"class, put a line '{NO_CLASS}' before the names; if {label} is none, write {VOID_LABEL} in its place; else "
        "name it."
    )
