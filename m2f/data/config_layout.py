"""What a config must say of its data before anything looks for them: its scenes, its data sets, its metrics' files."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import msgspec

from m2f.errors import InputError

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class Scenes(TypedDict):
    """Which scenes to generate, and where."""

    root: str
    image_size: AtLeastOne
    splits: dict[str, AtLeastOne]
    seed: Annotated[int, msgspec.Meta(ge=0)]


class Dataset(TypedDict):
    """A data set, or a wrapper around one; of others than scenes, ``data_root`` and ``data_prefix`` are needed."""

    dataset: NotRequired["Dataset"]
    data_root: NotRequired[str]
    data_prefix: NotRequired[dict[str, str]]
    ann_file: NotRequired[str]


class Loader(TypedDict):
    """What reads a data set."""

    dataset: Dataset


class Metric(TypedDict):
    """A metric, which may have ground truth of its own."""

    panoptic_json: NotRequired[str]
    panoptic_directory: NotRequired[str]
    instances_json: NotRequired[str]
    instance_directory: NotRequired[str]
    map_directory: NotRequired[str]


class Model(TypedDict):
    """A model, of which data must know the number of classes."""

    num_things: NotRequired[int]
    num_stuff: NotRequired[int]
    thing_labels: NotRequired[list[int] | None]


class Layout(TypedDict):
    """The parts of a config that say something of data."""

    scenes: NotRequired[Scenes]
    train_dataloader: NotRequired[Loader]
    val_dataloader: NotRequired[Loader]
    val_evaluator: NotRequired[list[Metric]]
    model: NotRequired[Model]


def require_data_layout(config: Mapping[str, Any], where: str) -> None:
    """See that a config says of its data what m2f reads there, each of its kind.

    Args:
        config: dicts and lists of plain values; may lack parts of :class:`Layout`.
        where: the config's file, for the sentence.

    Raises:
        InputError: something is missing or of another kind; it names the key.
    """
    try:
        msgspec.convert(config, Layout)
    except (msgspec.ValidationError, RecursionError, OverflowError, UnicodeEncodeError) as error:
        reason, _, place = str(error).partition(" - at `$")
        key = place.strip(".`") or "its top"
        raise InputError(
            f"{where} does not say where its data are: at '{key}', {reason[:1].lower()}{reason[1:]}; write it as "
            "configs/mini does."
        ) from error
    if "scenes" in config:
        return
    for loader in ("train_dataloader", "val_dataloader"):
        key, dataset = loader, config.get(loader)
        while isinstance(dataset, Mapping) and "dataset" in dataset:
            key, dataset = f"{key}.dataset", dataset["dataset"]
        for name in ("data_root", "data_prefix"):
            if dataset is not None and name not in dataset:
                raise InputError(f"{where} has no '{key}.{name}', which says where its data are; add it.")
