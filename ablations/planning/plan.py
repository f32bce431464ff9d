"""From studies to runs: study x task x seed x row, where equal configs are one run."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ablations.planning.initial_weights import weights_fingerprints
from ablations.planning.overrides import apply_overrides, with_settings
from ablations.planning.requirements import require_runnable
from ablations.planning.scales import SCALES, Scale
from ablations.studies.study import Evaluation, Study, Variation
from ablations.terminal import others
from m2f.config_files import read_config
from m2f.errors import InputError

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
# What our configs called components when runs were first named, by the names that OpenMMLab's own tools find them by.
FIRST_NAMES = {
    **{f"m2f.{name}": name for name in ("Mask2Former", "MSDeformAttn", "MaskedAttentionDecoder", "LearnableQueries")},
    **{f"m2f.{name}": name for name in ("MaskedAttention", "PointCriterion")},
    "m2f.LoadImageFromFile": "m2f.LoadImage",
}
# What a config of a scale must say; mmengine asks for the rest.
NEEDED = ("task", "dataset_name", "split", "default_scope", "model", "train_dataloader", "val_dataloader", "train_cfg")
CLASS_KEYS = ("num_things", "num_stuff", "thing_labels")  # of a model
DATA_KEYS = ("scenes", "dataset_name", "train_dataloader", "val_dataloader", "val_evaluator")

Config = dict[str, Any]


@dataclass(frozen=True)
class ConfigFile:
    """What a config file says.

    Attributes:
        name: what runs and sentences call it.
        config: what a run reads of it.
        settings: what overrides may name.
    """

    name: str
    config: Config
    settings: Config


@dataclass(frozen=True)
class Run:
    """One training or evaluation, named by what decides its result; data paths in its config begin with ``data/``.

    Attributes:
        digest: of all that decides the result, in hex.
        overrides: the user's own that decide the result; what the row changes is in ``config`` alone.
        weights: of files that a training begins from, by key, see ``ablations.planning.initial_weights``.
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
    weights: Mapping[str, str] = field(default_factory=dict, compare=False)
    source: "Run | None" = None

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.digest[:16]


@dataclass(frozen=True)
class Cell:
    """A row of a table, with one task and seed, and a run that fills it."""

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


class PlannedRun(NamedTuple):
    """A run and the cells that need it."""

    run: Run
    cells: list[Cell]

    @property
    def label(self) -> str:
        """How progress and summaries call it."""
        return self.cells[0].label + others(len(self.cells) - 1)


@dataclass(frozen=True)
class Plan:
    """The cells of tables, and the runs that fill them, each once."""

    cells: tuple[Cell, ...]

    @cached_property
    def trainings(self) -> dict[str, PlannedRun]:
        """The trainings that cells need, by name, in the order of their first cell."""
        return _planned((cell.training, cell) for cell in self.cells)

    @cached_property
    def evaluations(self) -> dict[str, PlannedRun]:
        """The runs that evaluate a training once more, by name."""
        return _planned((cell.run, cell) for cell in self.cells if cell.run.source)

    @cached_property
    def runs(self) -> dict[str, PlannedRun]:
        """Trainings and then evaluations, by name."""
        return {**self.trainings, **self.evaluations}


def _planned(pairs: Iterable[tuple[Run, Cell]]) -> dict[str, PlannedRun]:
    planned: dict[str, PlannedRun] = {}
    for run, cell in pairs:
        planned.setdefault(run.name, PlannedRun(run, [])).cells.append(cell)
    return planned


def make_plan(
    studies: Sequence[Study],
    scale: Scale,
    tasks: Sequence[str],
    seeds: Sequence[int],
    overrides: Mapping[str, Any],
    data_directory: Path,
) -> Plan:
    """The cells of the studies' tables, seed by seed; cells with equal configs hold the same run.

    Args:
        studies: which tables.
        scale: its ``<task>.py`` are the baseline rows' configs, ``<data set>/<task>.py`` those of rows that name one.
        tasks: tasks to run, of those that a study has.
        seeds: seeds to run.
        overrides: the user's own, plain values or settings, which win over every row's.
        data_directory: takes the place of ``data`` in the paths of data sets and weights, which are fingerprinted.

    Raises:
        InputError: a table has no rows at this scale, an override names no config key, or the data that a fingerprint
            needs are missing.
    """
    for study in studies:
        if study.scales and scale.name not in study.scales:
            raise InputError(f"Table {study.table} is of --scale {' or '.join(study.scales)} alone, not {scale.name}.")
    pairs = [
        (variation.dataset, task)
        for task in tasks
        for study in studies
        if task in study.tasks
        for variation in study.rows(task)
    ]
    files = {pair: config_of_scale(scale, pair[1], pair[0]) for pair in dict.fromkeys(pairs)}
    fingerprint = remembering_fingerprints(data_directory)
    plan = Plan(
        tuple(
            Cell(study.table, variation.name, variation.method, variation.backbone, run)
            for study in studies
            for seed in seeds
            for task in tasks
            if task in study.tasks
            for variation in study.rows(task)
            for file in [files[variation.dataset, task]]
            for training in [make_training(file, variation, overrides, seed, data_directory, fingerprint)]
            for run in _measuring(training, study.evaluated_again(task), file, fingerprint)
        )
    )
    for cell in plan.cells:
        if cell.run.seed == seeds[0]:  # seeds change nothing else
            require_runnable(cell.run.config, f"{cell.run.config_file}, {cell.table} '{cell.variant}'")
    return plan


def _measuring(
    training: Run, evaluation: Evaluation | None, file: ConfigFile, fingerprint: Callable[[Config], str]
) -> Iterator[Run]:
    """The runs that fill a row: the training, what evaluates it again, or both."""
    if evaluation is None or evaluation.adds:
        yield training
    if evaluation is not None:
        yield evaluation_of(training, evaluation.overrides, file, fingerprint)


def config_of_scale(scale: Scale, task: str, dataset: str = "") -> ConfigFile:
    """A scale's config of a task, and of a data set where one is named, under the scale's own name.

    Raises:
        InputError: there is none, it says not what a run has to say, or it is of another task or data set.
    """
    path = scale.config(dataset, task)
    if not path.is_file():
        raise InputError(f"There is no config {path}; it is needed for the task '{task}' at this scale.")
    file = read_config_file(path)
    for key in NEEDED:
        if key not in file.config:
            raise InputError(f"{path} has no '{key}', which a run needs; add it, as in configs/mini/{task}.py.")
    if file.config["task"] != task:
        raise InputError(f"{path} says task = {file.config['task']!r}; its name says '{task}': make them agree.")
    if dataset and file.config["dataset_name"] != dataset:
        found = file.config["dataset_name"]
        raise InputError(f"{path} says dataset_name = {found!r}; its folder says '{dataset}': make them agree.")
    folder = f"{scale.directory.parent.name}/{scale.name}" if scale.word in SCALES else scale.word
    name = path.relative_to(scale.directory).as_posix()
    return replace(file, name=f"{folder}/{name}", config={**file.config, "scale": scale.name})


def read_config_file(path: Path) -> ConfigFile:
    """A config file with its bases, as plain dicts and lists.

    Raises:
        InputError: there is no such file, it cannot be read, or it holds more than plain values.
    """
    config = read_config(path).to_dict()
    read = {key: value for key, value in config.items() if key in RUN_KEYS}
    for key, value in read.items():
        try:
            _canonical(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"{path}: '{key}' is not made of plain values ({error}); write names and numbers."
            ) from error
    return ConfigFile(str(path), read, config.get("settings", {}))


def make_training(
    file: ConfigFile,
    variation: Variation,
    overrides: Mapping[str, Any],
    seed: int,
    data_directory: Path,
    fingerprint: Callable[[Config], str],
) -> Run:
    """The training of a row with a seed and a user's own overrides.

    Args:
        file: the config that the row changes.
        variation: the row.
        overrides: see :func:`make_plan`.
        seed: of the training.
        data_directory: takes the place of ``data`` in the paths of weights to begin from.
        fingerprint: names the data of a config.

    Raises:
        InputError: an override names no config key, the config does not say where its data are, or the weights to
            begin from cannot be read.
    """
    from m2f.data.config_layout import require_data_layout

    config = {**row_config(file, {**variation.overrides, **overrides}), "seed": seed}
    if variation.imports:
        modules = [*config.get("custom_imports", {}).get("imports", ()), *variation.imports]
        config["custom_imports"] = {"imports": list(dict.fromkeys(modules)), "allow_failed_imports": False}
    require_data_layout(config, f"{file.name}, '{variation.name}'")
    data_fingerprint, weights = fingerprint(config), weights_fingerprints(config, data_directory)
    return Run(
        digest=digest(config, data_fingerprint, weights=weights),
        task=config["task"],
        scale=config["scale"],
        seed=seed,
        dataset=config["dataset_name"],
        split=config["split"],
        config_file=file.name,
        overrides={
            key: value
            for key, value in with_settings(overrides, file.settings, file.name).items()
            if key.partition(".")[0] not in SHOWING_KEYS
        },
        data_fingerprint=data_fingerprint,
        config=config,
        weights=weights,
    )


def row_config(file: ConfigFile, overrides: Mapping[str, Any]) -> Config:
    """A config file's config with a row's overrides."""
    return apply_overrides(file.config, with_settings(overrides, file.settings, file.name))


def evaluation_of(
    training: Run, overrides: Mapping[str, Any], file: ConfigFile, fingerprint: Callable[[Config], str]
) -> Run:
    """The run that evaluates a training once more, its config changed by the overrides."""
    config = apply_overrides(training.config, with_settings(overrides, file.settings, file.name))
    data_fingerprint = fingerprint(config)
    return replace(
        training,
        digest=digest(config, data_fingerprint, source=training),
        data_fingerprint=data_fingerprint,
        config=config,
        weights={},  # the training's are all that it is of
        source=training,
    )


def digest(
    config: Config, data_fingerprint: str, source: Run | None = None, weights: Mapping[str, str] | None = None
) -> str:
    """SHA-256, in hex, of everything that decides a run's result; the config holds task and seed.

    Args:
        config: of the run.
        data_fingerprint: names the data by their content.
        source: the training that is evaluated.
        weights: name by key those of files that are begun from, by their content.
    """
    identity = {
        "config": {key: as_first_named(value) for key, value in config.items() if key not in SHOWING_KEYS},
        "task": config["task"],
        "seed": config["seed"],
        "data": data_fingerprint,
        "results_format": RESULTS_FORMAT_VERSION,
        **(weights or {}),
    }
    if source:
        identity["source"] = source.digest
    return hashlib.sha256(_canonical(identity)).hexdigest()


def as_first_named(value: Any) -> Any:
    """A config's value with its types as runs were first named by: the same class, whatever it is called by now."""
    if isinstance(value, Mapping):
        return {
            key: FIRST_NAMES.get(item, item) if key == "type" and isinstance(item, str) else as_first_named(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [as_first_named(item) for item in value]
    return value


def _canonical(value: Any) -> bytes:
    """JSON that is the same whatever the order in which dicts were filled."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def check_classes_of(plan: Plan, data_directory: Path) -> None:
    """Check, before anything is started, that each run's model has as many classes as its data, see ``check_classes``.

    Args:
        plan: of runs.
        data_directory: takes the place of ``data`` in the configs' paths.

    Raises:
        InputError: one has not.
    """
    from mmengine import Config as MMEngineConfig

    from m2f.data.paths import resolve_data_paths
    from m2f.data.prepare import check_classes

    checked: set[bytes] = set()
    for run, _ in plan.trainings.values():
        config = run.config
        model = {key: config["model"][key] for key in CLASS_KEYS if key in config["model"]}
        part = {key: config[key] for key in DATA_KEYS if key in config} | {"model": model}
        key = _canonical(part)
        if key not in checked and {"num_things", "num_stuff"} <= set(model):
            checked.add(key)
            check_classes(resolve_data_paths(MMEngineConfig(part), data_directory))


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
