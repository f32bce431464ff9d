"""What must be known of a checkpoint's model to use it: its own word, a config's, or what the paper's models are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from m2f.checkpoints.architecture import Architecture, check_layers, recognise
from m2f.checkpoints.classes import read_classes
from m2f.checkpoints.loading import misfits
from m2f.checkpoints.trained_as import TrainedAs, read_trained_as
from m2f.config_files import read_config
from m2f.errors import InputError
from m2f.openmmlab import ADE20KDataset, CityscapesDataset, CocoDataset, CocoPanopticDataset
from m2f.own_configs import own_config
from m2f.registered_types import require_registered
from m2f.thing_labels import flags_of

# By the number of classes: the config of the paper's models with so many, and the names and colours of the classes.
PAPERS: dict[int, tuple[str, Mapping[str, Any]]] = {
    133: ("paper/panoptic.py", CocoPanopticDataset.METAINFO),
    80: ("paper/instance.py", CocoDataset.METAINFO),
    150: ("paper/semantic.py", ADE20KDataset.METAINFO),
    19: ("paper/cityscapes/semantic.py", CityscapesDataset.METAINFO),
}


def known_model(checkpoint: Path, state: Mapping[str, Tensor], config: Path | None = None) -> TrainedAs:
    """What is known of the model of a checkpoint.

    Args:
        checkpoint: its file or directory.
        state: its tensors in our names.
        config: what says it in the checkpoint's place, a file as in ``configs/`` or the ``config.py`` of a run.

    Raises:
        InputError: neither says it, and it is none of the paper's models.
    """
    if config is not None:
        return of_config(read_config(config).to_dict(), str(config), checkpoint)
    own = read_trained_as(checkpoint)
    return own if own is not None else of_paper(checkpoint, state)


def of_config(
    config: Mapping[str, Any], where: str, checkpoint: Path, meta: Mapping[str, Any] | None = None
) -> TrainedAs:
    """What a config says; the classes have the names that the checkpoint gives them, else numbers.

    Args:
        config: a whole one, as in ``configs/``.
        where: its file, for sentences.
        checkpoint: of the model.
        meta: ``classes`` and ``palette`` to be used where the checkpoint has no names.

    Raises:
        InputError: it says not what is needed, or names what is not registered.
    """
    try:
        model, pipeline = config["model"], config["val_dataloader"]["dataset"]["pipeline"]
        count = len(flags_of(model))
        task = model["task"]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{where} says not how to predict: it has no {error}; name a config as in configs/, or a run's config.py."
        ) from error
    require_registered({"model": model, "pipeline": pipeline}, where)
    names = read_classes(checkpoint) or (meta or {}).get("classes") or tuple(f"class {label}" for label in range(count))
    if len(names) != count:
        raise InputError(
            f"{checkpoint} names {len(names)} classes, and the model of {where} has {count}; name the config that "
            "it was trained with."
        )
    known = TrainedAs(
        task=task,
        dataset_name=str(config.get("dataset_name", "")),
        model=model,
        pipeline=pipeline,
        classes=list(names),
        category_ids=list(range(count)),
    )
    if meta and "palette" in meta:
        known["palette"] = [tuple(colour) for colour in meta["palette"]]
    return known


def of_paper(checkpoint: Path, state: Mapping[str, Tensor]) -> TrainedAs:
    """What is known of a model of the paper by its tensors: official, of mmdet's or of transformers'.

    Raises:
        InputError: it is none, or of a data set that its number of classes does not tell.
    """
    check_layers(state, checkpoint)
    architecture = recognise(state)
    if architecture.classes not in PAPERS or misfits(state, architecture.shapes()):
        raise InputError(
            f"{checkpoint} does not say how its model is built, and it is none of the paper's on COCO, ADE20K or "
            "Cityscapes; name its config with --config."
        )
    name, meta = PAPERS[architecture.classes]
    config = read_config(own_config(name)).to_dict()
    return of_config({**config, "model": rebuilt(config["model"], architecture)}, name, checkpoint, meta)


def rebuilt(model: Mapping[str, Any], architecture: Architecture) -> dict[str, Any]:
    """A config's model with another architecture of the paper: its backbone, pixel decoder and transformer decoder."""
    parts = architecture.config
    return {**model, **{key: parts[key] for key in ("backbone", "pixel_decoder", "transformer_decoder")}}
