"""From studies to runs: study x task x seed x row, where equal configs are one run."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablations.overrides import apply_overrides
from ablations.variation import Study
from m2f.errors import InputError

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
SCALES = ("smoke", "mini", "paper")
TASKS = ("panoptic", "instance", "semantic")
RESULTS_FORMAT_VERSION = 1  # raise it whenever results of the same config stop being comparable
# What a run reads of its config; a config file's other variables serve the file alone, and changing them does nothing.
RUN_KEYS = (
    *("task", "scale", "dataset_name", "split", "seed", "scenes", "model", "default_scope"),
    *("train_dataloader", "val_dataloader", "val_evaluator", "train_cfg", "val_cfg"),
    *("optim_wrapper", "param_scheduler", "default_hooks", "custom_hooks", "custom_imports"),
    *("log_processor", "log_level", "env_cfg", "visualizer", "vis_backends", "load_from"),
)
DATA_KEYS = ("scenes", "dataset_name", "train_dataloader", "val_dataloader", "val_evaluator")

Config = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One training, named by what decides its result; data paths in its config begin with ``data/``."""

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
        overrides: the user's own, applied to every row after the row's.
        data_directory: takes the place of ``data`` in the paths of data sets that are fingerprinted on disk.
        configs: the configs' directory.

    Raises:
        InputError: an override names no config key, or the data that a fingerprint needs are missing.
    """
    baselines = {task: load_config(configs / scale / f"{task}.py") for task in tasks}
    fingerprint = remembering_fingerprints(data_directory)
    return [
        Cell(study.table, variation.name, study.method, study.backbone, run)
        for study in studies
        for seed in seeds
        for task in tasks
        if task in study.tasks
        for variation in study.variations
        for run in [
            make_run(
                baselines[task],
                f"{configs.name}/{scale}/{task}.py",
                {**variation.overrides, **overrides},
                seed,
                fingerprint,
            )
        ]
    ]


def unique_runs(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Cells by the name of the run that fills them."""
    by_run: dict[str, list[Cell]] = {}
    for cell in cells:
        by_run.setdefault(cell.run.name, []).append(cell)
    return by_run


def load_config(path: Path) -> Config:
    """What a run reads of a config file with its bases, as plain dicts and lists.

    Raises:
        InputError: there is no such file.
    """
    from mmengine import Config as MMEngineConfig

    if not path.is_file():
        raise InputError(f"There is no config {path}; it is needed for the task '{path.stem}' at this scale.")
    config = MMEngineConfig.fromfile(path).to_dict()
    return {key: value for key, value in config.items() if key in RUN_KEYS}


def make_run(
    baseline: Config, config_file: str, overrides: Mapping[str, Any], seed: int, fingerprint: Callable[[Config], str]
) -> Run:
    """The run of a baseline config with overrides and a seed."""
    config = {**apply_overrides(baseline, overrides), "seed": seed}
    data_fingerprint = fingerprint(config)
    return Run(
        digest=digest(config, data_fingerprint),
        task=config["task"],
        scale=config["scale"],
        seed=seed,
        dataset=config["dataset_name"],
        split=config["split"],
        config_file=config_file,
        overrides=overrides,
        data_fingerprint=data_fingerprint,
        config=config,
    )


def digest(config: Config, data_fingerprint: str) -> str:
    """SHA-256, in hex, of everything that decides a run's result; the config holds task and seed."""
    return hashlib.sha256(
        _canonical(
            {
                "config": config,
                "task": config["task"],
                "seed": config["seed"],
                "data": data_fingerprint,
                "results_format": RESULTS_FORMAT_VERSION,
            }
        )
    ).hexdigest()


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
