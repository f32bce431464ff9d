"""Which labels are things: the first ones, or those that are named.

COCO lists its things before its stuff. ADE20K, Cityscapes and Mapillary Vistas do not, and official weights have their
order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from m2f.errors import InputError


def thing_flags(num_things: int, num_stuff: int, thing_labels: Sequence[int] | None = None) -> tuple[bool, ...]:
    """Whether each label is a thing, ``[num_things + num_stuff]``.

    Args:
        num_things: thing classes.
        num_stuff: stuff classes.
        thing_labels: the labels of the thing classes; None for the first ``num_things``.

    Raises:
        InputError: those are not ``num_things`` different labels of these classes.
    """
    count = num_things + num_stuff
    things = set(range(num_things) if thing_labels is None else thing_labels)
    if len(things) != num_things or not things <= set(range(count)):
        raise InputError(
            f"model.thing_labels names {len(things)} labels; it must name num_things = {num_things} different ones, "
            f"from 0 to {count - 1}."
        )
    return tuple(label in things for label in range(count))


def flags_of(model_config: Mapping[str, Any]) -> tuple[bool, ...]:
    """:func:`thing_flags` of a model's config."""
    return thing_flags(model_config["num_things"], model_config["num_stuff"], model_config.get("thing_labels"))
