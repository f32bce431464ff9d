"""One training step of every implementation from the same weights, images, targets and sampled points, recorded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from m2f.peers import Peer

PREDICTIONS, POINTS = 5, 64  # before the first of four layers and after each; sampled a mask


@dataclass(frozen=True)
class Interface:
    """Where an implementation shows what it computes.

    Attributes:
        model: the attribute of the peer that holds its model.
        loss: the model's method that gives a dictionary of weighted loss terms.
        terms: the names of class loss, mask cross-entropy and dice loss.
        intermediate: the name of a term that is not of the last prediction.
        solver: the module that calls ``linear_sum_assignment``.
    """

    model: str
    loss: str
    terms: tuple[str, str, str]
    intermediate: str
    solver: str


INTERFACES = {
    "ours": Interface(
        "model", "loss", ("loss_class", "loss_entropy", "loss_dice"), "d{layer}.{term}", "m2f.models.matching"
    ),
    "mmdet": Interface(
        "detector",
        "loss",
        ("loss_cls", "loss_mask", "loss_dice"),
        "d{layer}.{term}",
        "mmdet.models.task_modules.assigners.hungarian_assigner",
    ),
    "transformers": Interface(
        "segmenter",
        "get_loss_dict",
        ("loss_cross_entropy", "loss_mask", "loss_dice"),
        "{term}_{layer}",
        "transformers.models.mask2former.modeling_mask2former",
    ),
}
LAST_FIRST = [PREDICTIONS - 1, *range(PREDICTIONS - 1)]  # the order in which transformers goes through predictions


@dataclass
class Batch:
    """Images ``[B, 3, H, W]``, and per image its targets' labels ``[N]`` and boolean masks ``[N, H, W]``.

    The backbone is that of the models that train on it.
    """

    backbone: str
    images: Tensor
    labels: list[Tensor]
    masks: list[Tensor]


@dataclass
class Step:
    """What an implementation computed in one training step.

    Attributes:
        problems: by prediction and image that has targets, costs ``[Q, N]`` and the matched queries and targets.
        terms: weighted class loss, mask cross-entropy and dice loss of every prediction, ``[3, L]``.
        total: what is trained on.
        gradients: by the implementation's own names of its parameters.
    """

    problems: list[tuple[Tensor, list[tuple[int, int]]]]
    terms: Tensor
    total: Tensor
    gradients: dict[str, Tensor | None]


BATCHES = {
    "square": ("ResNet", [(64, 64)], [3]),
    "padded": ("ResNet", [(96, 160), (70, 110)], [5, 2]),
    "padded-Swin": ("Swin", [(96, 160), (70, 110)], [5, 2]),
    "an-empty-image": ("ResNet", [(96, 64), (96, 64)], [4, 0]),
    "more-targets-than-queries": ("ResNet", [(64, 64)], [20]),
}


@pytest.fixture(params=list(BATCHES), scope="session")
def batch(request: pytest.FixtureRequest, images_of: Callable[..., Tensor]) -> Batch:
    """Images and their targets, which lie inside the images and overlap."""
    backbone, sizes, counts = BATCHES[request.param]
    images, generator = images_of(sizes), torch.Generator().manual_seed(5)
    labels = [torch.randint(7, (count,), generator=generator) for count in counts]
    masks = [torch.zeros(count, *images.shape[2:], dtype=torch.bool) for count in counts]
    for size, own in zip(sizes, masks, strict=True):
        for mask in own:
            mask[: size[0], : size[1]] = ellipse(size, generator)
    return Batch(backbone, images, labels, masks)


def ellipse(size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """A random ellipse, boolean ``[*size]``."""
    y, x, height, width = (0.2 + 0.6 * torch.rand(4, generator=generator)).tolist()
    rows, columns = ((torch.arange(length) + 0.5) / length for length in size)
    return ((rows[:, None] - y) / height) ** 2 + ((columns - x) / width) ** 2 < 0.25


@pytest.fixture(scope="module")
def steps(implementation: Callable[..., Peer], way: str, batch: Batch) -> dict[str, Step]:
    """The step of our model and of the libraries by name, all with the same points in matching and in the loss.

    Our model draws the latter, most of them where its masks are uncertain. For matching every prediction has points of
    its own, as in the reference, or with embedded masks all predictions share them.
    """
    sets, generator = PREDICTIONS if way == "dense" else 1, torch.Generator().manual_seed(6)
    matching = torch.rand(sets, len(batch.images), POINTS, 2, generator=generator)
    with pytest.MonkeyPatch.context() as patch:
        criterion = import_module("m2f.models.criterion")
        patch.setattr(criterion, "random_points", lambda *_: matching.flatten(0, 1))
        drawn = recorded(patch, criterion, "uncertain_points")
        ours = implementation(way, batch.backbone)
        torch.manual_seed(7)
        result = {"ours": take_step("ours", ours, batch)}
    ((_, points),) = drawn
    points = points.unflatten(0, (PREDICTIONS, -1))
    matching = matching.expand(PREDICTIONS, -1, -1, -1)
    with pytest.MonkeyPatch.context() as patch:
        head = import_module("mmdet.models.dense_heads.mask2former_head")
        patch.setattr(torch, "rand", giving(matching.flatten(0, 1)[:, None]))
        patch.setattr(head, "get_uncertain_point_coords_with_randomness", giving(points))
        # mmdet counts otherwise (docs/parity.md), where an image has no target or more than there are queries.
        patch.setattr(head, "reduce_mean", lambda count: count.new_tensor([sum(map(len, batch.labels))]))
        result["mmdet"] = take_step("mmdet", implementation("mmdet", batch.backbone), batch)
    with pytest.MonkeyPatch.context() as patch:
        peer = implementation("transformers", batch.backbone)
        patch.setattr(torch, "rand", giving(matching[LAST_FIRST].flatten(0, 1)[:, None]))
        patch.setattr(peer.segmenter.criterion, "sample_points_using_uncertainty", giving(points[LAST_FIRST]))
        result["transformers"] = take_step("transformers", peer, batch)
    return result


def giving(values: Tensor) -> Callable[..., Tensor]:
    """A function that gives one of ``values`` after the other, whatever it is asked."""
    left: Iterator[Tensor] = iter(values)
    return lambda *_, **__: next(left)


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], list[tuple[tuple[Any, ...], Any]]]:
    """``record(module, name)``: the calls of a module's function in this test, see :func:`recorded`."""
    return lambda module, name: recorded(monkeypatch, import_module(module), name)


def recorded(patch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[tuple[Any, ...], Any]]:
    """A list that fills with the arguments and the results of a function's calls."""
    calls = []
    function = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append((arguments, function(*arguments, **named)))
        return calls[-1][1]

    patch.setattr(owner, name, call)
    return calls


def take_step(name: str, peer: Peer, batch: Batch) -> Step:
    """Compute loss and gradients."""
    interface = INTERFACES[name]
    model = getattr(peer, interface.model)
    peer.train()
    peer.zero_grad()
    with pytest.MonkeyPatch.context() as patch:
        solved = recorded(patch, import_module(interface.solver), "linear_sum_assignment")
        losses = recorded(patch, model, interface.loss)
        total = peer.loss(batch.images, batch.labels, batch.masks)
    total.backward()
    peer.eval()
    problems = [
        (torch.as_tensor(costs), list(zip(*(side.tolist() for side in pairs), strict=True)))
        for (costs,), pairs in solved
        if costs.shape[1]  # mmdet does not match images without targets
    ]
    if name == "transformers":
        images = len(problems) // PREDICTIONS
        problems = problems[images:] + problems[:images]
    gradients = {key: parameter.grad for key, parameter in model.named_parameters()}
    return Step(problems, terms_of(losses[0][1], interface).detach(), total.detach(), gradients)


def terms_of(losses: dict[str, Tensor], interface: Interface) -> Tensor:
    """``[3, L]``."""
    rows = []
    for term in interface.terms:
        names = [interface.intermediate.format(layer=layer, term=term) for layer in range(PREDICTIONS - 1)]
        rows.append(torch.stack([losses[name].reshape(()) for name in (*names, term)]))
    return torch.stack(rows)
