"""Train and evaluate one run."""

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

# Processes forked from one that has imported this module find all components imported.
import m2f.data.registered
import m2f.engine.optimizer
import m2f.metrics
import m2f.models  # noqa: F401
from m2f.data.prepare import check_class_count
from m2f.engine.hooks import DivergenceError, read_history

__all__ = ["DivergenceError", "train"]


def train(config: Config, work_dir: Path, *, resume: bool = True) -> dict[str, float]:
    """Train and evaluate a config in this process.

    Keeps ``progress.json``, ``history.json``, ``timing.json``, ``samples/`` and checkpoints in ``work_dir``.

    Args:
        config: a whole config as in ``configs/``, data paths resolved; ``config.seed`` seeds everything.
        work_dir: the run's directory.
        resume: go on from the latest checkpoint in ``work_dir`` if there is one.

    Returns:
        The last evaluation's metrics.

    Raises:
        InputError: the data cannot be used.
        DivergenceError: the loss became infinite or not a number.
    """
    init_default_scope(config.default_scope)
    runner = Runner.from_cfg(runnable(config, work_dir, resume))
    check_class_count(config, runner.train_loop.dataloader.dataset)
    runner.train()
    return read_history(work_dir)[-1]["metrics"]


def runnable(config: Config, work_dir: Path, resume: bool) -> Config:
    """``config`` with the work directory, the seed in all its places, and the suite's hooks."""
    config = prepared(config, work_dir, training_hooks(config.seed))
    config.resume = resume
    config.train_dataloader.dataset.seed = config.seed
    return config


def prepared(config: Config, work_dir: Path, hooks: list[dict[str, Any]]) -> Config:
    """``config`` with the work directory, the seed of the weights, and ``hooks`` besides its own."""
    # mmengine writes the config out four times a run; laying it out nicely would take seconds each time.
    config = Config(config.to_dict(), filename=config.filename, format_python_code=False)
    config.work_dir = str(work_dir)
    config.experiment_name = work_dir.name
    config.randomness = ConfigDict(seed=config.seed)
    config.custom_hooks = [*config.get("custom_hooks", []), *hooks]
    return config


def training_hooks(seed: int) -> list[dict[str, Any]]:
    """Configs of the hooks that every training has."""
    return [
        {"type": "m2f.SeedEveryIteration", "seed": seed},
        {"type": "m2f.StopAtDivergence"},
        {"type": "m2f.Progress"},
        {"type": "m2f.History"},
        {"type": "m2f.SamplePictures"},
    ]
