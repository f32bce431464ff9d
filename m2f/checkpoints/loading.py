"""Loading all of a model's tensors, or saying which do not fit."""

from collections.abc import Mapping, Sequence

from torch import Size, Tensor, nn

from m2f.errors import InputError

SHOWN = 10


def load_into(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load every tensor of a model, none left out and none left over.

    Args:
        model: any of ours.
        state: its tensors by name, as :func:`m2f.checkpoints.to_ours` gives them.

    Raises:
        InputError: tensors are missing, extra or misshapen; the model is as it was.
    """
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    check_complete(state, shapes, "The checkpoint is not of this model")
    model.load_state_dict(state, strict=True)


def check_complete(state: Mapping[str, Tensor], shapes: Mapping[str, Size], fault: str) -> None:
    """Raise ``InputError`` with the names of all tensors that are missing, extra or misshapen, ten of each at most.

    Args:
        state: tensors by name.
        shapes: the shapes that they must have.
        fault: how the error begins.
    """
    faults = {
        "missing": [name for name in shapes if name not in state],
        "extra": [name for name in state if name not in shapes],
        "misshapen": [
            f"{name} {list(tensor.shape)} for {list(shapes[name])}"
            for name, tensor in state.items()
            if name in shapes and tensor.shape != shapes[name]
        ],
    }
    listed = [f"{kind} {some(names)}" for kind, names in faults.items() if names]
    if listed:
        raise InputError(f"{fault}, take one that is. Tensors: {'; '.join(listed)}.")


def some(names: Sequence[str]) -> str:
    """The first ten of a list and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
