"""How long works take on the device that is there, those of several designs above all."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from m2f.engine.precision import set_precision
from m2f.peers import own_peer
from m2f.registry import MODELS
from m2f.timing.inputs import random_inputs
from m2f.timing.works import Work, main_device, work_of

PRECISION = "float32"


@dataclass(frozen=True)
class Timing:
    """Seconds of repeated runs, each after one that warms up."""

    median: float
    fastest: float
    slowest: float


def measure_speed(
    models: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
    training_size: tuple[int, int],
    tell: Callable[[int, int], object],
    repeats: int = 3,
) -> list[tuple[Timing, Timing]]:
    """Time prediction with post-processing and a training step, batch 1, float32, random weights and images.

    The works are those by which peers are measured (:mod:`m2f.timing.works`), a step without optimizer. All models are
    timed in turn, round after round, so that what else the machine does meanwhile falls on all of them; the ratio of
    two rows is what travels between machines. Each is built anew in each round and is alone then: ten models of one
    design that lay in memory together differed by up to a third, the same ones in each round.

    Args:
        models: the ``model`` of each config.
        size: (height, width) in pixels of the padded image that is segmented.
        training_size: of the crop that is trained on.
        tell: is told the models timed and to be timed, of all rounds.
        repeats: rounds.

    Returns:
        For each model the prediction's and the training step's time.
    """
    set_precision({})
    device = main_device()
    measured: list[tuple[float, float]] = []
    in_all = repeats * len(models)
    for config in [*models] * repeats:
        tell(len(measured), in_all)
        predict, train = works_of_design(config, size, training_size, device)
        measured.append((second_run(predict, device), second_run(train, device)))
    tell(in_all, in_all)
    rounds = [measured[place :: len(models)] for place in range(len(models))]
    return [(timing([own for own, _ in each]), timing([own for _, own in each])) for each in rounds]


def works_of_design(
    config: Mapping[str, Any], size: tuple[int, int], training_size: tuple[int, int], device: torch.device
) -> tuple[Work, Work]:
    """Prediction and training step of one model; arguments as for :func:`measure_speed`."""
    peer = own_peer(MODELS.build(dict(config)).to(device))
    classes = config["num_things"] + config["num_stuff"]
    segmented, trained_on = (random_inputs(own, 1, classes, device) for own in (size, training_size))
    return work_of(peer, "predict", segmented, PRECISION), work_of(peer, "train", trained_on, PRECISION)


def second_run(work: Work, device: torch.device) -> float:
    """How long it takes when it has been done before."""
    work()
    return seconds(work, device)


def timing(measured: Sequence[float]) -> Timing:
    """Of the seconds of all rounds."""
    return Timing(median(measured), min(measured), max(measured))


def seconds(work: Work, device: torch.device) -> float:
    """How long it takes, until the device is done."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
