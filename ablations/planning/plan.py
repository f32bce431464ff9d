"""From studies to runs: study x task x seed x row, where equal configs are one run."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ablations.planning.overrides import apply_overrides, with_settings
from ablations.studies.study import Study, Variation
from m2f.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TASKS = ("panoptic", "instance", "semantic")
RESULTS_FORMAT_VERSION = 1  # raise it whenever results of the same config stop being comparable
# What a run reads of its config; a config file's other variables serve the file alone, and changing them does nothing.
RUN_KEYS = (
    *("task", "scale", "dataset_name", "split", "seed", "scenes", "model", "default_scope"),
    *("train_dataloader", "val_dataloader", "val_evaluator", "train_cfg", "val_cfg"),
    *("optim_wrapper", "param_scheduler", "default_hooks", "custom_hooks", "custom_imports"),
    *("log_processor", "log_level", "env_cfg", "load_from"),
    "visualizer",
)
SHOWING_KEYS = ("visualizer",)  # what shows a run to people, and decides nothing of its result
DATA_KEYS = ("scenes", "dataset_name", "train_dataloader", "val_dataloader", "val_evaluator")

Config = dict[str, Any]


@dataclass(frozen=True)
class Baseline:
    """A config file: its name, what a run reads of it, and the ``settings`` that overrides may name."""

    file: str
    config: Config
    settings: Config


@dataclass(frozen=True)
class Run:
    """One training or evaluation, named by what decides its result; data paths in its config begin with ``data/``.

    Attributes:
        digest: of all that decides the result, in hex.
        overrides: the user's own that decide the result; what the row changes is in ``config`` alone.
        source: the training whose last checkpoint is evaluated; None for a training.
    """

    digest: str
    task: str
    scale: str
    seed: int
    dataset: str
    split: str
    config_file: str
    overrides: Mapping[str, Any] = field(compare=False)
    data_fingerprint: str
    config: Config = field(compare=False, repr=False)
    source: "Run | None" = None

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.digest[:16]


@dataclass(frozen=True)
class Cell:
    """A row of a table, with one task and seed, and the run that fills it."""

    table: str
    variant: str
    method: str
    backbone: str
    run: Run

    @property
    def label(self) -> str:
        """How progress and summaries call it."""
        return f"{self.table} {self.variant}, {self.run.task}, seed {self.run.seed}"

    @property
    def training(self) -> Run:
        """The training that the cell needs, whether or not it is evaluated once more."""
        return self.run.source or self.run


def make_plan(
    studies: Sequence[Study],
    scale: str,
    tasks: Sequence[str],
    seeds: Sequence[int],
    overrides: Mapping[str, Any],
    data_directory: Path,
    configs: Path = CONFIGS,
) -> list[Cell]:
    """The cells of the studies' tables, seed by seed; cells with equal configs hold the same run.

    Args:
        studies: which tables.
        scale: folder in ``configs`` whose ``<task>.py`` are the baselines.
        tasks: tasks to run, of those that a study has.
        seeds: seeds to run.
        overrides: the user's own, plain values, which win over every row's.
        data_directory: takes the place of ``data`` in the paths of data sets that are fingerprinted on disk.
        configs: the configs' directory.

    Raises:
        InputError: a table has no rows at this scale, an override names no config key, or the data that a fingerprint
            needs are missing.
    """
    for study in studies:
        if scale not in study.scales:
            raise InputError(f"Table {study.table} is of --scale {' or '.join(study.scales)} alone, not {scale}.")
    baselines = {task: load_baseline(configs, f"{scale}/{task}.py") for task in tasks}
    fingerprint = remembering_fingerprints(data_directory)
    return [
        Cell(
            study.table,
            variation.name,
            variation.method,
            variation.backbone,
            evaluation_of(training, study.evaluation.overrides, baselines[task], fingerprint)
            if study.evaluation
            else training,
        )
        for study in studies
        for seed in seeds
        for task in tasks
        if task in study.tasks
        for variation in study.variations
        for training in [make_training(baselines[task], variation, overrides, seed, fingerprint)]
    ]


def trainings(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Cells by the name of the training that they need."""
    return _grouped(cells, lambda cell: cell.training.name)


def evaluations(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Cells that are filled by evaluating a training once more, by the name of that evaluation."""
    return _grouped((cell for cell in cells if cell.run.source), lambda cell: cell.run.name)


def _grouped(cells: Iterable[Cell], name_of: Callable[[Cell], str]) -> dict[str, list[Cell]]:
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(name_of(cell), []).append(cell)
    return groups


def load_baseline(configs: Path, name: str) -> Baseline:
    """A config file with its bases, as plain dicts and lists.

    Args:
        configs: the configs' directory.
        name: the file below it.

    Raises:
        InputError: there is no such file.
    """
    from mmengine import Config as MMEngineConfig

    path = configs / name
    if not path.is_file():
        raise InputError(f"There is no config {path}; it is needed for the task '{path.stem}' at this scale.")
    config = MMEngineConfig.fromfile(path).to_dict()
    read = {key: value for key, value in config.items() if key in RUN_KEYS}
    return Baseline(f"{configs.name}/{name}", read, config.get("settings", {}))


def make_training(
    baseline: Baseline,
    variation: Variation,
    overrides: Mapping[str, Any],
    seed: int,
    fingerprint: Callable[[Config], str],
) -> Run:
    """The training of a row with a seed and a user's own overrides."""
    config = {**row_config(baseline, {**variation.overrides, **overrides}), "seed": seed}
    if variation.imports:
        config["custom_imports"] = {"imports": list(variation.imports), "allow_failed_imports": False}
    data_fingerprint = fingerprint(config)
    return Run(
        digest=digest(config, data_fingerprint),
        task=config["task"],
        scale=config["scale"],
        seed=seed,
        dataset=config["dataset_name"],
        split=config["split"],
        config_file=baseline.file,
        overrides={key: value for key, value in overrides.items() if key.partition(".")[0] not in SHOWING_KEYS},
        data_fingerprint=data_fingerprint,
        config=config,
    )


def row_config(baseline: Baseline, overrides: Mapping[str, Any]) -> Config:
    """A baseline's config with a row's overrides."""
    return apply_overrides(baseline.config, with_settings(overrides, baseline.settings, baseline.file))


def evaluation_of(
    training: Run, overrides: Mapping[str, Any], baseline: Baseline, fingerprint: Callable[[Config], str]
) -> Run:
    """The run that evaluates a training once more, its config changed by the overrides."""
    config = apply_overrides(training.config, with_settings(overrides, baseline.settings, baseline.file))
    data_fingerprint = fingerprint(config)
    return replace(
        training,
        digest=digest(config, data_fingerprint, training),
        data_fingerprint=data_fingerprint,
        config=config,
        source=training,
    )


def digest(config: Config, data_fingerprint: str, source: Run | None = None) -> str:
    """SHA-256, in hex, of everything that decides a run's result; the config holds task and seed."""
    identity = {
        "config": {key: value for key, value in config.items() if key not in SHOWING_KEYS},
        "task": config["task"],
        "seed": config["seed"],
        "data": data_fingerprint,
        "results_format": RESULTS_FORMAT_VERSION,
    }
    if source:
        identity["source"] = source.digest
    return hashlib.sha256(_canonical(identity)).hexdigest()


def _canonical(value: Any) -> bytes:
    """JSON that is the same whatever the order in which dicts were filled."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def remembering_fingerprints(data_directory: Path) -> Callable[[Config], str]:
    """A function that fingerprints the data of a config, once for each choice of data."""
    from mmengine import Config as MMEngineConfig

    from m2f.data.fingerprint import fingerprint
    from m2f.data.paths import resolve_data_paths

    known: dict[bytes, str] = {}

    def remembered(config: Config) -> str:
        data = {key: config[key] for key in DATA_KEYS if key in config}
        key = _canonical(data)
        if key not in known:
            known[key] = fingerprint(resolve_data_paths(MMEngineConfig(data), data_directory))
        return known[key]

    return remembered
