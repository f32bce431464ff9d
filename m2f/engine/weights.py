"""The weights that a training begins from or goes on with: read as data alone, and told where they do not fit."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import CheckpointLoader, Runner
from torch import Tensor

from m2f.checkpoints.classes import class_names, read_classes
from m2f.checkpoints.loading import check_numbers, check_type, is_finite, misfits, some
from m2f.checkpoints.meta import part, read_meta
from m2f.checkpoints.reading import read_checkpoint, read_tensors
from m2f.data.classes import check_same_classes
from m2f.engine.addresses import NAMED, WEB, fetched
from m2f.engine.hooks import DivergenceError
from m2f.errors import InputError
from m2f.registry import HOOKS

WHOLE_MODEL = "m2f+weights://"
OTHER_SCHEMES = (r"(\S+\:)?s3://", r"(\S+\:)?petrel://", "pavi://")
OTHER_CLASSES = "list the classes as the training began with them, or name another work directory to begin anew"
DECODER, PREDICTOR = "transformer_decoder.", "transformer_decoder.classifier."


def begin_from_weights(config: Config) -> None:
    """Let ``load_from`` be read as ``m2f convert`` reads, whatever its format."""
    if config.get("load_from") is not None:
        config.load_from = f"{WHOLE_MODEL}{config.load_from}"


@CheckpointLoader.register_scheme(prefixes=r"m2f\+weights://")
def load_from_any_format(filename: str, map_location: Any) -> dict[str, Any]:
    """A whole model's tensors in our names, for mmengine.

    Args:
        filename: a path or address behind ``WHOLE_MODEL``.
        map_location: not needed; tensors come on the CPU.

    Raises:
        InputError: it cannot be had, or is not what ``m2f convert`` reads.
    """
    path = fetched(filename.removeprefix(WHOLE_MODEL), "load_from")
    state, _ = read_checkpoint(path)
    return {"state_dict": OrderedDict(state), "meta": {"dataset_meta": {"classes": read_classes(path)}}}


@CheckpointLoader.register_scheme(prefixes=["", *WEB, *NAMED, *OTHER_SCHEMES], force=True)
def load_from_tensors(filename: str, map_location: Any) -> dict[str, Any]:
    """A part's tensors by name, for mmengine, whose own reader runs what it cannot read as tensors alone.

    Args:
        filename: a path or address, as a ``Pretrained`` initialisation names it.
        map_location: not needed; tensors come on the CPU.

    Raises:
        InputError: it cannot be had, or holds more than tensors and plain values.
    """
    path = fetched(filename)
    state = read_tensors(path)
    if filename.startswith("mmcls://"):  # a classifier's, of which the backbone is wanted
        state = {name.removeprefix("backbone."): each for name, each in state.items() if name.startswith("backbone.")}
    told = part(read_meta(path), "dataset_meta")  # by which mmdet's and mmseg's inferencers know the classes
    return {"state_dict": OrderedDict(state), **({"meta": {"dataset_meta": dict(told)}} if told else {})}


@HOOKS.register_module()
class FitWeights(Hook):
    """Go on with the model that was trained alone; of weights to begin from, take what fits and tell the rest."""

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare a checkpoint with the model that it is about to be loaded into.

        Raises:
            InputError: it is not of this model, or hardly any of it is.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        own, file = model.state_dict(), runner.cfg.load_from.partition("://")[2]
        classes, theirs = runner.train_loop.dataloader.dataset.metainfo["classes"], class_names(checkpoint)
        if runner.cfg.resume:
            if theirs:
                check_same_classes(file, theirs, "the training data", classes, OTHER_CLASSES)
            check_same_model(checkpoint["state_dict"], own, file)
            if "optimizer" in checkpoint:
                saved, present = checkpoint["optimizer"], runner.optim_wrapper.optimizer
                check_same_optimizer(saved["param_groups"], present.param_groups, file)
        else:
            others = theirs is not None and are_others(theirs, classes)
            checkpoint["state_dict"] = taken_over(checkpoint["state_dict"], own, file, others)


def are_others(theirs: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether weights are of other classes than the data, or of another order; a few may be spelled otherwise."""
    place = {name: number for number, name in enumerate(classes)}
    elsewhere = any(place.get(name, number) != number for number, name in enumerate(theirs))
    alike = sum(name == own for name, own in zip(theirs, classes, strict=False))
    return elsewhere or len(theirs) != len(classes) or 2 * alike < len(classes)


def check_same_model(state: Mapping[str, Tensor], own: Mapping[str, Tensor], file: str) -> None:
    """See that a checkpoint to go on from is of this model, tensor by tensor.

    Raises:
        InputError: it is not.
        DivergenceError: the training had diverged when it was written.
    """
    if listed := misfits(state, {name: tensor.shape for name, tensor in own.items()}):
        raise InputError(
            f"{file} cannot be gone on from with this config, whose model is another ({listed}); set the config back "
            "to what the training began with, or name another work directory to begin anew."
        )
    for name, tensor in state.items():
        try:
            check_type(name, tensor, own[name].dtype)
        except InputError as error:
            raise InputError(f"{file} cannot be gone on from: {error}") from error
        if not is_finite(tensor, own[name].dtype):
            raise DivergenceError(f"the weights in {file} are no finite numbers any more, first {name}")


def check_same_optimizer(saved: list[dict[str, Any]], own: list[dict[str, Any]], file: str) -> None:
    """Raise ``InputError`` unless saved groups of parameters are those of this optimizer, and of its kind."""
    sizes = [[len(group["params"]) for group in groups] for groups in (saved, own)]
    settings = [set().union(*groups) for groups in (saved, own)]
    # Versions of torch add settings to an optimizer; another optimizer has others in their place.
    if sizes[0] != sizes[1] or (settings[0] - settings[1] and settings[1] - settings[0]):
        raise InputError(
            f"{file} cannot be gone on from with this config, whose optimizer is another; set optim_wrapper back to "
            "what the training began with, or name another work directory to begin anew."
        )


def taken_over(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], file: str, other_classes: bool = False
) -> dict[str, Tensor]:
    """A model's tensors, those replaced that other weights have in the same shape; what was done is printed.

    Args:
        state: the weights to begin from, in our names.
        own: the model's, as they were initialised.
        file: the weights'.
        other_classes: whether the classes are known to be others than the data's; then the class predictor is new.

    Raises:
        InputError: nothing of the transformer decoder fits besides the class predictor, or a number is none.
    """
    fitting = {
        name: tensor
        for name, tensor in state.items()
        if name in own and tensor.shape == own[name].shape and not (other_classes and name.startswith(PREDICTOR))
    }
    if not any(name.startswith(DECODER) and not name.startswith(PREDICTOR) for name in fitting):
        raise InputError(
            f"load_from names {file}, and nothing of its transformer decoder fits this config's model; name weights of "
            "a model of the same widths, or leave load_from out."
        )
    try:
        check_numbers(fitting, own)
    except InputError as error:
        raise InputError(f"load_from names {file}, which cannot be begun from: {error}") from error
    new = [f"{name} {shapes(state.get(name), own[name])}" for name in own if name not in fitting]
    unused = [name for name in state if name not in own]
    print_log(f"Beginning from {file}: {len(fitting)} of the model's {len(own)} tensors are taken over.", "current")
    if new:
        print_log(f"New, at their random initialisation: {some(new)}.", "current")
    if other_classes:
        print_log(
            f"The classes of {file} are others than the data's, by name or order: their predictor is new.", "current"
        )
    if unused:
        print_log(f"Left unused, having no place in the model: {some(unused)}.", "current")
    return {**own, **fitting}


def shapes(theirs: Tensor | None, own: Tensor) -> str:
    """Why a tensor is new."""
    return "(missing)" if theirs is None else f"({list(theirs.shape)} in the file, {list(own.shape)} in the model)"
