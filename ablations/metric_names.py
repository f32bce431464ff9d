"""What a metric's name means: which one a table compares, its unit, its direction, by class and by layer."""

import re
from collections.abc import Iterable

from ablations.studies.study import Study

PRIMARY_METRIC = {"panoptic": "PQ", "instance": "AP", "semantic": "mIoU"}
CLASS_COLUMN = {"panoptic": "PQ", "instance": "AP", "semantic": "IoU"}
"""Which column of ``per_class.csv`` is the class's part in a task's metric."""

COST_METRICS = ("params", "flops", "fps", "memory")  # among the paper's numbers; all others are of accuracy
BY_LAYER = "_layer"  # how the name of a metric ends that has a number for each decoder layer: PQ_layer0, PQ_layer1...
FRACTIONS = ("fg_", "bg_")  # beginnings of the metrics that the paper too gives as fractions
FIRST_LOSS, LAST_LOSS = LOSSES = ("loss_first", "loss_last")  # of training, as logged, means over mmengine's window
LONGEST_NAME = 300  # characters
UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and halves of letters
LOWER_IS_BETTER = ("bg_", *LOSSES)  # beginnings of such metrics


def primary_metric(study: Study, task: str, measured: Iterable[str]) -> str:
    """The metric by which the rows of a study's task are compared, given the names of those that were measured.

    A metric that a study names without its layer (`PQ_layer`) is that of the last layer measured: scales differ in the
    number of layers. There is none, and the name is empty, for a task that m2f does not know.
    """
    name = {**PRIMARY_METRIC, **(study.metric or {})}.get(task, "")
    if not name.endswith(BY_LAYER):
        return name
    layers = [metric.removeprefix(name) for metric in measured if metric.startswith(name)]
    numbers = [int(layer) for layer in layers if layer.isdecimal()]
    return f"{name}{max(numbers)}" if numbers else name


def is_name(text: str) -> bool:
    """Whether a text can name a metric or a row: it can be shown, steers no terminal, and can be written as UTF-8."""
    return 0 < len(text) <= LONGEST_NAME and not UNSHOWN.search(text)


def unit(metric: str) -> str:
    """``fraction`` for shares of attention mass, ``%`` for all else."""
    return "fraction" if metric.startswith(FRACTIONS) else "%"


def lower_is_better(metric: str) -> bool:
    """Whether a smaller number is the better one, as of losses and of attention that misses the object."""
    return metric.startswith(LOWER_IS_BETTER)
