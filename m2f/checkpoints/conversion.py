"""From one checkpoint to another: ``m2f convert``."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from m2f import __version__
from m2f.checkpoints.architecture import Architecture, Backbone, check_layers, recognise
from m2f.checkpoints.classes import read_classes
from m2f.checkpoints.loading import check_complete, check_numbers
from m2f.checkpoints.models import Model
from m2f.checkpoints.names import in_transformers_file
from m2f.checkpoints.reading import OURS, read_checkpoint
from m2f.checkpoints.translation import from_ours
from m2f.errors import InputError
from m2f.files import new_directory, new_file

TARGETS = (OURS, "mmdet", "transformers")


@dataclass(frozen=True)
class Conversion:
    """What was converted.

    Attributes:
        source: the format that was found.
        architecture: of the model.
        tensors: how many it has in ours.
    """

    source: str
    architecture: Architecture
    tensors: int


def convert(source: Path, destination: Path, source_format: str = "auto", target_format: str = "m2f") -> Conversion:
    """Write a checkpoint of a model of the paper in another format, every tensor accounted for.

    Args:
        source: as :func:`m2f.checkpoints.read_checkpoint` takes it.
        destination: a file, whose name ends in ``.pth``, or for transformers a directory; neither may exist.
        source_format: as ``read_checkpoint`` takes it.
        target_format: one of ``TARGETS``.

    Raises:
        InputError: the source cannot be read, lacks tensors or has others than the nearest model of the paper, or the
            destination cannot be written. Nothing is left behind.
    """
    check_destination(destination, target_format)
    state, found = read_checkpoint(source, source_format)
    check_layers(state, source)
    architecture = recognise(state)
    check_complete(state, architecture.shapes(), f"{source} is no {architecture}")
    try:
        check_numbers(state, architecture.tensors())
    except InputError as error:
        raise InputError(f"{source} cannot be converted: {error}") from error
    names = read_classes(source)
    try:
        if target_format == "transformers":
            write_directory(destination, from_ours(state, "transformers"), architecture, names)
        else:
            meta: dict[str, Any] = {"m2f_version": __version__, "converted_from": found, "model": str(architecture)}
            if names:
                meta["dataset_meta"] = {"classes": names}  # where mmengine has them
            tensors = state if target_format == OURS else from_ours(state, target_format)
            with new_file(destination) as file:  # given a path, torch would write its name into the file
                torch.save({"meta": meta, "state_dict": tensors}, file)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{destination} cannot be written: {error}.") from error
    return Conversion(found, architecture, len(state))


def check_destination(destination: Path, target_format: str) -> None:
    """Raise ``InputError`` where writing would overwrite or could not be read back."""
    if target_format not in TARGETS:
        raise InputError(f"A checkpoint can be written for {', '.join(TARGETS)}, not for {target_format}.")
    if os.path.lexists(destination):
        raise InputError(f"{destination} exists and is not overwritten; name another, or remove it first.")
    if not destination.absolute().parent.is_dir():
        raise InputError(f"{destination.parent} is no directory; make it first.")
    if target_format != "transformers" and destination.suffix != ".pth":
        raise InputError(f"{destination} must end in .pth for {target_format}.")


def write_directory(
    destination: Path, state: dict[str, Tensor], architecture: Architecture, names: Sequence[str] | None = None
) -> None:
    """Write what ``from_pretrained`` of transformers, 4 and 5, loads."""
    config = json.dumps(transformers_config(architecture, names), indent=2) + "\n"
    tensors = {in_transformers_file(name): tensor.contiguous() for name, tensor in state.items()}
    with new_directory(destination) as directory:
        (directory / "config.json").write_text(config)
        save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
        for path in directory.iterdir():  # a loss of power is not to leave them without their content
            with path.open("rb") as file:
                os.fsync(file.fileno())


def transformers_config(architecture: Architecture, names: Sequence[str] | None = None) -> dict[str, Any]:
    """The config of a model, as JSON has it. Classes have numbers for names, unless these are theirs."""
    if names is None or len(names) != architecture.classes:
        names = [f"LABEL_{number}" for number in range(architecture.classes)]
    return {
        **(mask2former_config if architecture.model is Model.MASK2FORMER else maskformer_config)(architecture),
        "backbone_config": transformers_backbone(architecture.backbone),
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
    }


def maskformer_config(architecture: Architecture) -> dict[str, Any]:
    """What a ``MaskFormerConfig`` says beside backbone and classes."""
    return {
        "architectures": ["MaskFormerForInstanceSegmentation"],
        "model_type": "maskformer",
        "fpn_feature_size": 256,
        "mask_feature_size": 256,
        "decoder_config": {
            "model_type": "detr",
            "d_model": 256,
            "decoder_attention_heads": 8,
            "decoder_ffn_dim": 2048,
            "decoder_layers": architecture.decoder_layers,
            "num_queries": architecture.queries,
        },
    }


def mask2former_config(architecture: Architecture) -> dict[str, Any]:
    """What a ``Mask2FormerConfig`` says beside backbone and classes."""
    return {
        "architectures": ["Mask2FormerForUniversalSegmentation"],
        "model_type": "mask2former",
        "feature_size": 256,
        "mask_feature_size": 256,
        "hidden_dim": 256,
        "num_attention_heads": 8,
        "encoder_layers": architecture.encoder_layers,
        "encoder_feedforward_dim": 1024,
        "decoder_layers": architecture.decoder_layers + 1,  # counts the prediction before the first layer
        "dim_feedforward": 2048,
        "dropout": 0.0,
        "num_queries": architecture.queries,
    }


def transformers_backbone(backbone: Backbone) -> dict[str, Any]:
    """The config of a model's backbone."""
    stages = {"depths": list(backbone.depths), "out_features": [f"stage{number}" for number in range(1, 5)]}
    if not backbone.heads:
        return {"model_type": "resnet", "layer_type": "bottleneck", "hidden_sizes": backbone.channels, **stages}
    return {
        "model_type": "swin",
        "embed_dim": backbone.width,
        "num_heads": list(backbone.heads),
        "window_size": backbone.window,
        "drop_path_rate": 0.3,
        **stages,
    }
