"""Classes by name: a label is a place in a list, so two lists must agree place by place."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from m2f.errors import InputError


@dataclass(frozen=True)
class Classes:
    """The classes of a data set.

    Attributes:
        source: who says so, as a sentence calls it.
        names: in the order of the labels.
        things: how many of them are things, which come first; None where that is not told apart.
    """

    source: str
    names: tuple[str, ...]
    things: int | None = None


def things_of(categories: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The categories that are things; all of COCO's instances files, which do not say so."""
    return [category for category in categories if category.get("isthing", 1)]


def classes_of(categories: Sequence[dict[str, Any]], source: str) -> Classes:
    """The classes of an annotation file's categories.

    Raises:
        InputError: a stuff class comes before a thing.
    """
    is_thing = [bool(category.get("isthing", 1)) for category in categories]
    things = sum(is_thing)
    if not all(is_thing[:things]):
        name = categories[is_thing.index(False)]["name"]
        raise InputError(
            f"The categories of {source} do not list all things before all stuff: '{name}' comes before a thing; "
            "order them so."
        )
    return Classes(source, tuple(category["name"] for category in categories), things)


def check_same_classes(source: str, names: Sequence[str], other: str, others: Sequence[str], mend: str) -> None:
    """Check that two lists of classes are the same, in the same order.

    Args:
        source: who says ``names``.
        names: of classes.
        other: who says ``others``.
        others: of classes.
        mend: what to do if they are not.

    Raises:
        InputError: they are not; the first class that differs is named.
    """
    for label, (name, another) in enumerate(zip_longest(names, others)):
        if name != another:
            counts = f" ({len(names)} and {len(others)} in all)" if len(names) != len(others) else ""
            raise InputError(
                f"Class {label} is {quoted(name)} in {source}, but {quoted(another)} in {other}{counts}; {mend}."
            )


def quoted(name: str | None) -> str:
    """A class as a sentence names it."""
    return "missing" if name is None else f"'{name}'"


def check_counts(things: int, stuff: int, classes: Classes) -> None:
    """Check a model's numbers of classes against those of a data set.

    A semantic data set does not tell things from stuff: there only the sum counts. In the others things come first, as
    the model counts its classes.

    Args:
        things: the config's ``model.num_things``.
        stuff: the config's ``model.num_stuff``.
        classes: the data set's.

    Raises:
        InputError: they disagree.
    """
    if classes.things is None:
        fits = things + stuff == len(classes.names)
        what = f"{len(classes.names)} classes"
    else:
        found = (classes.things, len(classes.names) - classes.things)
        fits = (things, stuff) == found
        what = f"{found[0]} thing and {found[1]} stuff classes"
    if not fits:
        raise InputError(
            f"{classes.source} has {what}, but the config says model.num_things = {things} and "
            f"model.num_stuff = {stuff}; set them to fit."
        )
