"""Classes by name: a label is a place in a list, so two lists must agree place by place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from m2f.errors import InputError
from m2f.thing_labels import flags_of


@dataclass(frozen=True)
class Classes:
    """The classes of a data set.

    Attributes:
        source: who says so, as a sentence calls it.
        names: in the order of the labels.
        is_thing: whether each of them is a thing; None where that is not told apart.
        ids: their categories', where they have any.
    """

    source: str
    names: tuple[str, ...]
    is_thing: tuple[bool, ...] | None = None
    ids: tuple[int, ...] = ()


def things_of(categories: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The categories that are things; all of COCO's instances files, which do not say so."""
    return [category for category in categories if category.get("isthing", 1)]


def classes_of(categories: Sequence[dict[str, Any]], source: str) -> Classes:
    """The classes of an annotation file's categories."""
    is_thing = tuple(bool(category.get("isthing", 1)) for category in categories)
    names = tuple(category["name"] for category in categories)
    return Classes(
        source, names, is_thing, tuple(category.get("id", label) for label, category in enumerate(categories))
    )


def check_same_classes(source: str, names: Sequence[Any], other: str, others: Sequence[Any], mend: str) -> None:
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


def quoted(name: Any) -> str:
    """A class as a sentence names it."""
    return "missing" if name is None else f"'{name}'"


def check_model(model: Mapping[str, Any], classes: Classes) -> None:
    """Check a model's classes against those of a data set: how many, and which of them are things.

    A semantic data set does not tell things from stuff: there only their number counts.

    Args:
        model: its config, with ``num_things``, ``num_stuff`` and, where things are not first, ``thing_labels``.
        classes: the data set's.

    Raises:
        InputError: they disagree.
    """
    things, stuff = model["num_things"], model["num_stuff"]
    ours = flags_of(model)
    theirs = classes.is_thing
    if theirs is None:
        fits = len(ours) == len(classes.names)
        what = f"{len(classes.names)} classes"
    else:
        found = (sum(theirs), len(theirs) - sum(theirs))
        fits = (things, stuff) == found
        what = f"{found[0]} thing and {found[1]} stuff classes"
    if not fits:
        raise InputError(
            f"{classes.source} has {what}, but the config says model.num_things = {things} and "
            f"model.num_stuff = {stuff}; set them to fit."
        )
    if theirs is not None and ours != theirs:
        label = next(label for label, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1])
        labels = ", ".join(str(label) for label, thing in enumerate(theirs) if thing)
        raise InputError(
            f"Class {label}, '{classes.names[label]}', is {'a thing' if theirs[label] else 'stuff'} in "
            f"{classes.source}, but not for the model; set model.thing_labels to [{labels}]."
        )
