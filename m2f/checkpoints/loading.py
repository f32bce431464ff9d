"""Loading a model's tensors, or saying which do not fit."""

from collections.abc import Mapping, Sequence

import torch
from torch import Size, Tensor, nn

from m2f.errors import InputError

SHOWN = 10


def load_into(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load every tensor of a model, none left out and none left over.

    Args:
        model: any of ours.
        state: its tensors by name, as :func:`m2f.checkpoints.to_ours` gives them.

    Raises:
        InputError: tensors are missing, extra, misshapen or not of finite numbers; the model is as it was.
    """
    own = model.state_dict()
    check_complete(state, {name: tensor.shape for name, tensor in own.items()}, "The checkpoint is not of this model")
    check_numbers(state, own)
    model.load_state_dict(state, strict=True)


def check_complete(state: Mapping[str, Tensor], shapes: Mapping[str, Size], fault: str) -> None:
    """Raise ``InputError`` with the names of all tensors that are missing, extra or misshapen, ten of each at most.

    Args:
        state: tensors by name.
        shapes: the shapes that they must have.
        fault: how the error begins.
    """
    if listed := misfits(state, shapes):
        raise InputError(f"{fault}, take one that is. Tensors: {listed}.")


def misfits(state: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> str:
    """The tensors that are missing, extra or misshapen, ten of each at most; empty if none is."""
    faults = {
        "missing": [name for name in shapes if name not in state],
        "extra": [name for name in state if name not in shapes],
        "misshapen": [
            f"{name} {list(tensor.shape)} for {list(shapes[name])}"
            for name, tensor in state.items()
            if name in shapes and tensor.shape != shapes[name]
        ],
    }
    return "; ".join(f"{kind} {some(names)}" for kind, names in faults.items() if names)


def check_numbers(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Raise ``InputError`` at the first tensor whose numbers a model cannot have.

    Args:
        state: tensors by name.
        own: the model's, of which the types count; what ``state`` has besides is not looked at.
    """
    for name, tensor in state.items():
        if name in own:
            check_type(name, tensor, own[name].dtype)
            if not is_finite(tensor, own[name].dtype):
                raise InputError(
                    f"{name} has numbers that are infinite or none at all (NaN); take the weights of a training that "
                    "did not diverge."
                )


def is_finite(tensor: Tensor, kind: torch.dtype) -> bool:
    """Whether all of a tensor's numbers are finite in a model's type."""
    return bool(torch.isfinite(tensor.to(kind)).all())


def check_type(name: str, tensor: Tensor, wanted: torch.dtype) -> None:
    """Raise ``InputError`` unless a tensor has fractions where they are wanted, and whole numbers where those are."""
    fractions, whole = tensor.is_floating_point(), is_whole(tensor.dtype)
    if not (fractions if wanted.is_floating_point else whole):
        raise InputError(f"{name} is of {tensor.dtype}, where the model has {wanted}; save the weights as {wanted}.")


def is_whole(kind: torch.dtype) -> bool:
    """Whether a type is of whole numbers."""
    return not (kind.is_floating_point or kind.is_complex or kind == torch.bool)


def some(names: Sequence[str]) -> str:
    """The first ten of a list and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
