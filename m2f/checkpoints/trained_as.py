"""What a checkpoint of ours says of its model, so that nothing but the file is needed to use it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import msgspec

from m2f.checkpoints.meta import read_meta
from m2f.config_files import parsed_values
from m2f.errors import InputError
from m2f.registered_types import require_registered

KEY = "m2f"  # in a checkpoint's ``meta``


class TrainedAs(TypedDict):
    """What a training writes into its checkpoints, as a run's config is written: values as text, which is never run.

    Attributes:
        task: of the model.
        dataset_name: of the data that it was trained on.
        model: its config.
        pipeline: configs of the steps through which images go to it.
        classes: their names in the order of the labels.
        category_ids: the data set's own id of each class.
        palette: red, green and blue of each class.
    """

    task: str
    dataset_name: str
    model: dict[str, Any]
    pipeline: list[dict[str, Any]]
    classes: list[str]
    category_ids: list[int]
    palette: NotRequired[list[tuple[int, int, int]]]


def write_trained_as(meta: dict[str, Any], content: Mapping[str, Any]) -> None:
    """Keep what a :class:`TrainedAs` has in a checkpoint's ``meta``."""
    meta[KEY] = f"{KEY} = {dict(content)!r}"


def read_trained_as(path: Path) -> TrainedAs | None:
    """What a checkpoint says of its model; None where it says nothing, as others' and older ones do.

    Args:
        path: a file or directory that :func:`m2f.checkpoints.read_checkpoint` has read.

    Raises:
        InputError: it is damaged, or names what is not registered, which would be imported and called.
    """
    text = read_meta(path).get(KEY)
    if text is None:
        return None
    try:
        content: TrainedAs = msgspec.convert(parsed_values(text.encode())[KEY], TrainedAs)  # type: ignore[assignment]
    except (msgspec.MsgspecError, ValueError, KeyError, AttributeError, RecursionError, UnicodeError) as error:
        raise InputError(
            f"What {path} says of its model is damaged ({error}); name its config with --config."
        ) from error
    require_registered(content, str(path))
    return content


def without_initial_weights(value: Any) -> Any:
    """A model's config that names no weights to begin from: they are in the checkpoint, and others are not fetched."""
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if key not in ("init_cfg", "pretrained")}
        return {key: without_initial_weights(item) for key, item in kept.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_initial_weights(item) for item in value)
    return value
