"""A model's tensors from the names and layouts of other formats to ours, and back."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache

import torch
from torch import Tensor

from m2f.checkpoints.maskformer_names import ENCODER_ROWS, PLAIN_ROWS, in_transformers_model, own_swin
from m2f.checkpoints.models import Model, model_of
from m2f.checkpoints.names import CONSTANTS, FORMATS, NOT_WRITTEN, ROWS, Constant, Row, present_name
from m2f.errors import InputError

# Formats whose models, like ours, order a merged pixel's channels as unfolding does.
UNFOLDED = ("ours", "mmdet")
TARGETS = ("mmdet", "transformers")
ROWS_OF = {Model.MASK2FORMER: ROWS, Model.MASKFORMER: PLAIN_ROWS, Model.MASKFORMER_WITH_ENCODER: ENCODER_ROWS}


def to_ours(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """A whole model's tensors under our names, in our layout.

    A tensor that has no place in our model keeps its name, so that :func:`m2f.checkpoints.load_into` lists it. Buffers
    that the source leaves out because they follow from the rest are added. Values are never changed.

    Args:
        state: tensors by their names in the source's model.
        source: one of ``FORMATS``.

    Raises:
        InputError: a tensor is there under an older and a newer name.
    """
    check_format(source, FORMATS)
    present: dict[str, Tensor] = {}
    for name, tensor in state.items():
        add(present, present_name(name, source), tensor)
    model = model_of(present, source)
    if source == "transformers" and model is Model.MASKFORMER:
        present = {in_transformers_model(name): tensor for name, tensor in present.items()}
    ours = translate(present, source, "ours", model)
    for name, constant in constants(source, model).items():
        if name in ours and constant.like in ours and ours[name].shape == ours[constant.like].shape:
            del ours[name]
    return with_computed_buffers(ours)


def from_ours(state: Mapping[str, Tensor], target: str) -> dict[str, Tensor]:
    """The inverse of :func:`to_ours`, with the constant tensors that the target's model keeps.

    Args:
        state: tensors by their names in our model.
        target: ``mmdet`` or ``transformers``.

    Raises:
        InputError: the target has no such model.
    """
    check_format(target, TARGETS)
    model = model_of(state, "ours")
    if target == "transformers" and model is Model.MASKFORMER_WITH_ENCODER:
        raise InputError("transformers has no MaskFormer with encoder layers; write it for mmdet.")
    theirs = translate(state, "ours", target, model)
    if target in NOT_WRITTEN and model is Model.MASK2FORMER:
        theirs = {name: tensor for name, tensor in theirs.items() if not name.endswith(NOT_WRITTEN[target])}
    for name, constant in constants(target, model).items():
        if constant.like in state:
            theirs[name] = constant.make(state[constant.like])
    return theirs


def constants(layout: str, model: Model) -> dict[str, Constant]:
    """The tensors that another format keeps and our model does not, by their names."""
    own = layout == "transformers" and model is not Model.MASK2FORMER
    return {own_swin(name) if own else name: constant for name, constant in CONSTANTS[layout].items()}


def check_format(name: str, formats: Sequence[str]) -> None:
    """Refuse what is not one of ``formats``."""
    if name not in formats:
        raise ValueError(f"format must be one of {', '.join(formats)}, not {name!r}")


def translate(
    state: Mapping[str, Tensor], source: str, target: str, model: Model = Model.MASK2FORMER
) -> dict[str, Tensor]:
    """Rename, split and join the tensors that a row names; what no row can take keeps its name."""
    result: dict[str, Tensor] = {}
    done: set[str] = set()
    for name in state:
        if name not in done:
            taken, given = moved(name, state, source, target, model)
            done.update(taken)
            for each, tensor in given.items():
                add(result, each, tensor)
    return result


def moved(
    name: str, state: Mapping[str, Tensor], source: str, target: str, model: Model
) -> tuple[list[str], dict[str, Tensor]]:
    """The names that go together with a name, and what their tensors become."""
    found = find(name, source, model)
    if found is not None:
        row, place, values = found
        old, new = row.named(source), row.named(target)
        if len(old) == len(new):
            old, new = old[place : place + 1], new[place : place + 1]
        names = [fill(pattern, values) for pattern in old]
        if state.keys() >= set(names):
            parts = arranged([state[each] for each in names], len(new))
            if row.merged_channels:
                parts = reordered(parts, source, target)
            if parts:
                return names, {fill(pattern, values): part for pattern, part in zip(new, parts, strict=True)}
    return [name], {name: state[name]}


def add(state: dict[str, Tensor], name: str, tensor: Tensor) -> None:
    """Add a tensor, which must be the only one of its name."""
    if name in state:
        raise InputError(f"The checkpoint holds {name} twice, under two names; remove the one that is not meant.")
    state[name] = tensor


@cache
def patterns(layout: str, model: Model = Model.MASK2FORMER) -> Sequence[tuple[re.Pattern[str], Row, int]]:
    """A pattern for each name of each row of a model, and the name's place in the row."""
    return [
        (re.compile(re.escape(name).replace(r"\#", r"(\d+)").replace(r"\*", "([a-z_]+)")), row, place)
        for row in ROWS_OF[model]
        for place, name in enumerate(row.named(layout))
    ]


@cache
def find(name: str, layout: str, model: Model) -> tuple[Row, int, tuple[str, ...]] | None:
    """The row of a name, the name's place in it, and what stands at its ``#`` and ``*``."""
    for pattern, row, place in patterns(layout, model):
        match = pattern.fullmatch(name)
        if match:
            return row, place, match.groups()
    return None


def fill(pattern: str, values: tuple[str, ...]) -> str:
    """A name from a row's, with values at its ``#`` and ``*``."""
    for value in values:
        pattern = re.sub(r"[#*]", value, pattern, count=1)
    return pattern


def arranged(parts: list[Tensor], wanted: int) -> list[Tensor]:
    """Tensors split or joined to so many along their first dimension; none where their shapes do not allow it."""
    if len(parts) < wanted:
        whole = parts[0]
        return [part.clone() for part in whole.chunk(wanted)] if whole.ndim and len(whole) % wanted == 0 else []
    if len(parts) > wanted:
        alike = parts[0].ndim and all(part.shape == parts[0].shape for part in parts)
        return [torch.cat(parts)] if alike else []
    return parts


def reordered(parts: list[Tensor], source: str, target: str) -> list[Tensor]:
    """Tensors with merged channels in the target's order; none where their shapes do not allow it."""
    if (source in UNFOLDED) == (target in UNFOLDED):
        return parts
    if any(part.ndim == 0 or part.shape[-1] % 4 for part in parts):
        return []
    return [by_channel(part) if target in UNFOLDED else by_pixel(part) for part in parts]


# The four pixels that are merged, top left, top right, bottom left, bottom right, as the official code joins them:
# down the left column, then down the right one.
COLUMNS_FIRST = [0, 2, 1, 3]


def by_channel(merged: Tensor) -> Tensor:
    """``[..., 4 * C]`` of four pixels with C channels each to C channels with four pixels each."""
    pixels = merged.unflatten(-1, (4, -1))[..., COLUMNS_FIRST, :]
    return pixels.transpose(-1, -2).flatten(-2).contiguous()


def by_pixel(merged: Tensor) -> Tensor:
    """The inverse of :func:`by_channel`."""
    pixels = merged.unflatten(-1, (-1, 4)).transpose(-1, -2)
    return pixels[..., COLUMNS_FIRST, :].flatten(-2).contiguous()


def with_computed_buffers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our tensors with the buffers that not every format keeps: batches seen by norms, Swin's relative positions."""
    computed = {}
    for name, tensor in state.items():
        if name.endswith(".running_mean"):
            computed[name.replace("running_mean", "num_batches_tracked")] = tensor.new_zeros((), dtype=torch.int64)
        elif name.endswith(".relative_position_bias_table") and tensor.ndim == 2:
            computed[name.replace("bias_table", "index")] = relative_positions(tensor)
    return {**computed, **state}


def relative_positions(table: Tensor) -> Tensor:
    """Which row of a table ``[(2 * w - 1)^2, heads]`` each pair of a window's cells has, ``[w^2, w^2]``."""
    span = math.isqrt(len(table))
    window = (span + 1) // 2
    row, column = torch.meshgrid(*2 * (torch.arange(window, device=table.device),), indexing="ij")
    down = row.flatten()[:, None] - row.flatten() + window - 1
    right = column.flatten()[:, None] - column.flatten() + window - 1
    return down * span + right
