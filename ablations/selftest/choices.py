"""The same chance and the same choices wherever a model computes, so that its arithmetic alone is compared.

Matches, points, attention masks, masks cut at one half and selected queries are choices: a mask logit that rounding
moves across zero changes a loss by more than all rounding does. So those of one computation are recorded and given to
the other, which makes its own all the same, and is told how many of them are others. Devices draw other random numbers
from the same seed: points are drawn on the CPU, the same for every mask, and dropout and noise on labels are off.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from m2f.models.matching import Matches, assign
from m2f.models.points import uncertain_points
from m2f.models.quality_criterion import inside
from m2f.models.transformer_decoder.cross_attention import foreground
from m2f.models.transformer_decoder.selected_queries import strongest

CHOICES = {
    "m2f.models.criterion.assign": assign,
    "m2f.models.criterion.uncertain_points": uncertain_points,
    "m2f.models.quality_criterion.inside": inside,
    "m2f.models.transformer_decoder.cross_attention.foreground": foreground,
    "m2f.models.transformer_decoder.selected_queries.strongest": strongest,
}
DRAWS = ("m2f.models.criterion.random_points", "m2f.models.points.random_points")
PROBABILITIES = ("p", "dropout", "drop_prob", "label_noise")  # of torch's, our and mmcv's modules
Choice = Matches | Tensor
Decide = Callable[..., Choice]


@contextmanager
def choosing(decide: Decide) -> Iterator[None]:
    """Have every choice made by ``decide(function, *arguments)``."""
    with ExitStack() as stack:
        for name, function in CHOICES.items():
            stack.enter_context(patch(name, lambda *arguments, f=function: decide(f, *arguments)))
        yield


def recording(choices: list[Choice]) -> Decide:
    """Make choices, and keep them."""

    def decide(function: Decide, *arguments: Any) -> Choice:
        choices.append(function(*arguments))
        return choices[-1]

    return decide


def repeating(choices: Sequence[Choice], device: torch.device, apart: list[float]) -> Decide:
    """Give recorded choices, and keep of each the share that would have been another here."""
    given = iter(choices)

    def decide(function: Decide, *arguments: Any) -> Choice:
        expected = moved(next(given), device)
        apart.append(share_apart(function(*arguments), expected, *arguments))
        return expected

    return decide


def moved(choice: Choice, device: torch.device) -> Choice:
    """A choice on another device."""
    if isinstance(choice, Matches):
        return Matches(*(own.to(device) for own in (choice.layer, choice.image, choice.query, choice.target)))
    return choice.to(device)


def share_apart(own: Choice, expected: Choice, *arguments: Any) -> float:
    """How far a choice is from another, as a share.

    Of a mask's cells and of points, which come in any order, it is the share of those that are others. Equal queries
    may be matched either way, as zero queries before the first layer are: of matches it is what they cost more or less,
    by the costs among the function's arguments.
    """
    if isinstance(own, Matches) and isinstance(expected, Matches):
        cost, other = (total_cost(arguments[0], each) for each in (own, expected))
        return abs(cost - other) / abs(other)
    if isinstance(own, Tensor) and isinstance(expected, Tensor) and own.dtype == torch.bool:
        differ = own != expected
    elif isinstance(own, Tensor) and isinstance(expected, Tensor):
        pairs = zip(own[..., 0], expected[..., 0], strict=True)
        differ = torch.stack([~torch.isin(one, other) for one, other in pairs])
    else:
        raise TypeError(f"{type(own).__name__} in place of {type(expected).__name__}")
    return differ.float().mean().item()


def total_cost(costs: Tensor, matches: Matches) -> float:
    """The sum of the costs ``[L, B, Q, N]`` of the pairs."""
    return costs[matches.layer, matches.image, matches.query, matches.target].sum().item()


@contextmanager
def same_points() -> Iterator[None]:
    """Draw the same points for every mask, on every device and in every process."""

    def drawn(count: int, points: int, device: torch.device) -> Tensor:
        own = torch.rand(points, 2, generator=torch.Generator().manual_seed(points))
        return own.to(device).expand(count, -1, -1)

    with ExitStack() as stack:
        for name in DRAWS:
            stack.enter_context(patch(name, drawn))
        yield


def without_dropout(model: nn.Module) -> None:
    """Have a model drop nothing in training, neither units nor paths, and show pilots no other labels."""
    for module in model.modules():
        for name in PROBABILITIES:
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
