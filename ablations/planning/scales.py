"""Scales: how big a run is, as a folder of configs: m2f's own, or a directory of the user's.

It holds ``<task>.py``, and ``<data set>/<task>.py`` for the rows that name one.
"""

from dataclasses import dataclass
from pathlib import Path

from ablations.choice import did_you_mean
from m2f.errors import InputError
from m2f.own_configs import CONFIGS

SCALES = ("smoke", "mini", "lite", "paper")
TASKS = ("panoptic", "instance", "semantic")


@dataclass(frozen=True)
class Scale:
    """A folder of configs.

    Attributes:
        name: how runs and reports call it.
        directory: where the configs are, one a task, or one a data set and task.
        word: what names it on the command line.
    """

    name: str
    directory: Path
    word: str

    @property
    def tasks(self) -> list[str]:
        """The tasks that it has a config for, whatever the data set."""
        return [task for task in TASKS if self.has("", task) or any(self.directory.glob(f"*/{task}.py"))]

    def has(self, dataset: str, task: str) -> bool:
        """Whether it has a config of a data set and a task."""
        return self.config(dataset, task).is_file()

    def config(self, dataset: str, task: str) -> Path:
        """The config of a data set and a task; its own for the task where no data set is named."""
        return self.directory / dataset / f"{task}.py"


def chosen_scale(word: str, configs: Path = CONFIGS) -> Scale:
    """The scale that a word names: one of ``SCALES``, or else a directory.

    Args:
        word: upper or lower case.
        configs: where the configs of ``SCALES`` are.

    Raises:
        InputError: there is no such scale or directory, it has no config of any task, or it takes a name of m2f's.
    """
    if word.lower() in SCALES:
        return Scale(word.lower(), configs / word.lower(), word.lower())
    directory = Path(word)
    if not directory.is_dir():
        raise InputError(
            f"Unknown scale '{word}'{did_you_mean(word, SCALES)}; known: {', '.join(SCALES)}, or a directory "
            f"that holds {', '.join(f'{task}.py' for task in TASKS)} or some of these."
        )
    scale = Scale(directory.resolve().name, directory.resolve(), word.rstrip("/"))
    if scale.name.lower() in SCALES:
        raise InputError(
            f"The directory {directory} has the name of m2f's own scale '{scale.name}', so reports could not tell the "
            "two apart; give it another name."
        )
    if not scale.tasks:
        raise InputError(f"{directory} is no scale: it holds none of {', '.join(f'{task}.py' for task in TASKS)}.")
    return scale


def scale_of_m2f(name: str) -> Scale | None:
    """The scale of ``SCALES`` that a record calls so; None of others, whose configs are code that no record may run."""
    return chosen_scale(name) if name in SCALES else None
