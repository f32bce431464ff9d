"""Which rows the published checkpoints fill: those whose training is that of the row that a checkpoint is of."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ablations.paper import Checkpoint, published_checkpoints
from ablations.planning.plan import SHOWING_KEYS, Config, ConfigFile, config_of_scale, row_config
from ablations.planning.scales import Scale
from ablations.studies import STUDIES
from ablations.studies.study import Study, Variation


@dataclass(frozen=True)
class PublishedRow:
    """A row of a table, with one task, and the checkpoint that fills it.

    Attributes:
        path: the file of the config that the row changes.
        file: what it says.
        checkpoint: None where none is published.
    """

    study: Study
    variation: Variation
    task: str
    path: Path
    file: ConfigFile = field(repr=False)
    checkpoint: Checkpoint | None


def published_rows(studies: Iterable[Study], scale: Scale) -> Iterator[PublishedRow]:
    """All rows of studies, task by task.

    Args:
        studies: which tables.
        scale: whose configs the checkpoints are of, which is the paper's.

    Raises:
        InputError: the scale lacks a config of a row.
    """
    configs = _Configs(scale)
    of_training: dict[str, Checkpoint] = {}
    for checkpoint in published_checkpoints():
        rows = STUDIES[checkpoint.table].rows(checkpoint.task)
        own = next(row for row in rows if row.name == checkpoint.row)
        of_training[configs.training(own, checkpoint.task)] = checkpoint
    for study in studies:
        for task in study.tasks:
            for row in study.rows(task):
                training = configs.training(row, task)
                path = scale.config(row.dataset, task)
                yield PublishedRow(study, row, task, path, configs.file(row, task), of_training.get(training))


class _Configs:
    """A scale's config files, each read once."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.files: dict[tuple[str, str], ConfigFile] = {}

    def file(self, row: Variation, task: str) -> ConfigFile:
        """The config that a row changes."""
        key = (row.dataset, task)
        if key not in self.files:
            self.files[key] = config_of_scale(self.scale, task, row.dataset)
        return self.files[key]

    def training(self, row: Variation, task: str) -> str:
        """What tells a row's training from others, whatever its seed and data."""
        config: Config = row_config(self.file(row, task), row.overrides)
        return json.dumps({key: value for key, value in config.items() if key not in SHOWING_KEYS}, sort_keys=True)
