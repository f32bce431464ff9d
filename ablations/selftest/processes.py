"""One training step of all GPUs together, or of two processes of a CPU, beside the same by one."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from torch.nn.parallel import DistributedDataParallel

from ablations.selftest.beside_cpu import quiet
from ablations.selftest.choices import same_points
from ablations.selftest.designs import batch
from ablations.selftest.findings import Difference, relative
from m2f.engine.launch import in_processes
from m2f.engine.precision import set_precision
from m2f.engine.processes import joined_processes

SIZE = (64, 64)
ON_CPU = 2  # processes
LOSS, NORM = 1e-3, 1e-2  # bounds: an attention mask's cell near zero may fall on either side


def process_count(device: torch.device) -> int:
    """How many processes a machine's training may have: one a GPU."""
    return torch.cuda.device_count() if device.type == "cuda" else ON_CPU


def beside_one(config: Mapping[str, Any], device: torch.device) -> Iterable[Difference]:
    """The differences of a step by many from one by one process, on an image for each of the many."""
    count = process_count(device)
    frozen = {**config, "backbone": {**config["backbone"], "norm_eval": True}}  # means over a batch are of its images
    expected = step(frozen, device.type, count)
    found = in_processes(count, step, frozen, device.type, count)
    yield "loss", relative(found[0], expected[0]), LOSS
    yield "gradients' norm", relative(found[1], expected[1]), NORM
    yield "loss after the step", relative(found[2], expected[2]), LOSS


def step(config: dict[str, Any], device: str, images: int) -> tuple[float, float, float]:
    """Loss and norm of the gradients in a training step on as many images, shared by the processes, and loss after it.

    Every image has as many targets: the mean of the processes' losses is then the loss of all.
    """
    with joined_processes():
        set_precision({})
        model = quiet(config).to(device).train()
        shared = DistributedDataParallel(model) if get_world_size() > 1 else model
        own = slice(get_rank(), None, get_world_size())
        part = {name: values[own] for name, values in batch(3, [SIZE] * images).items()}
        data = model.data_preprocessor(part, training=True)
        optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=0.1)
        with same_points():
            loss = shared(**data, mode="loss")["loss"]
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            optimizer.step()
            after = shared(**data, mode="loss")["loss"]
        return mean(loss), norm.item(), mean(after)


def mean(loss: torch.Tensor) -> float:
    """A loss, averaged over processes."""
    everyones = loss.detach().clone()
    all_reduce(everyones, "mean")
    return everyones.item()
