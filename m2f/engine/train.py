"""Train and evaluate one run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import get_world_size
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

# Processes forked from one that has imported this module find all components imported.
import m2f.data.registered
import m2f.engine.checkpoints
import m2f.engine.kept.samples
import m2f.engine.kept.tables
import m2f.engine.kept.trained_as
import m2f.engine.optimizer
import m2f.engine.tell_progress
import m2f.metrics
import m2f.models  # noqa: F401
from m2f.data.classes import check_same_classes
from m2f.data.prepare import SAME_ORDER, check_class_count
from m2f.data.semantic import tell_classes
from m2f.engine.accumulation import require_whole_steps
from m2f.engine.addresses import check_weights
from m2f.engine.freed_memory import keep_freed_memory
from m2f.engine.ground_truth import check_ground_truth
from m2f.engine.hooks import DivergenceError, read_history
from m2f.engine.precision import check_precision, set_precision
from m2f.engine.processes import from_main, joined_processes, processes_here, share_of_batch
from m2f.engine.resume import resume_newest
from m2f.engine.shared_memory import check_shared_memory
from m2f.engine.stopping import noted_requests
from m2f.engine.weights import begin_from_weights
from m2f.openmmlab import is_news
from m2f.registered_types import require_registered

__all__ = ["DivergenceError", "train"]


def train(config: Config, work_dir: Path, *, resume: bool = True) -> dict[str, float]:
    """Train and evaluate a config in this process, or in all those that torchrun has started to call this.

    Keeps ``progress.json``, ``history.json``, ``timing.json``, ``per_class.csv``, ``per_image.csv``, ``samples/`` and
    checkpoints in ``work_dir``; of several processes the first alone writes, and all have to see the directory.

    Several processes share the images of each batch, which are those that one alone would take. Their gradients are
    averaged; each weights the mean of its own class loss and divides its mask loss by the average number of masks, as
    the reference does, and norms that take statistics of the batch take them of its share. So the number of processes
    decides the weights, in part: a training goes on with as many as it began with. The metrics of given weights do not
    depend on it.

    Asked to end, by Ctrl-C, SIGTERM, SIGUSR1 or SIGUSR2, it writes a checkpoint after the iteration that it is at, and
    then ends as it would have; in an evaluation after the batch that it is at. A checkpoint is also written before each
    evaluation and every half an hour. Going on from one gives the weights of an unbroken training, on a CPU with as
    many threads bit for bit.

    An error in one process alone leaves the others waiting for it; who has started them, as torchrun does and
    :func:`m2f.engine.launch.in_processes`, ends them.

    Args:
        config: a whole config as in ``configs/``, data paths resolved; ``config.seed`` seeds everything.
        work_dir: the run's directory.
        resume: go on from the newest whole checkpoint in ``work_dir`` if there is one.

    Returns:
        The last evaluation's metrics, in every process.

    Raises:
        InputError: the data cannot be used, the processes cannot share it, others began the training, it was begun with
            another model, the weights to begin from cannot be had, the shared memory is too small for the workers'
            images, the config names what is not registered, or its intervals cut the optimizer's steps.
        DivergenceError: the loss became infinite or not a number; in every process.
    """
    keep_freed_memory()
    require_registered(config.to_dict(), str(config.filename or work_dir))
    init_default_scope(config.default_scope)
    set_precision(config)
    with joined_processes():
        runner = Runner.from_cfg(runnable(config, work_dir, resume))
        runner.logger.addFilter(is_news)
        check_data(config, runner)
        with noted_requests():
            runner.train()
        return from_main(read_history(work_dir))[-1]["metrics"]


def check_data(config: Config, runner: Runner) -> None:
    """Check, before anything is trained, that a runner's data sets have the model's classes, in the same order.

    Raises:
        InputError: they have not.
    """
    training, evaluated = runner.train_loop.dataloader.dataset, runner.val_loop.dataloader.dataset
    for dataset in (training, evaluated):
        check_class_count(config, dataset)
        tell_classes(dataset)
    names, others = training.metainfo["classes"], evaluated.metainfo["classes"]
    check_same_classes("the training data", names, "the validation data", others, SAME_ORDER)
    check_ground_truth(runner.val_loop)


def runnable(config: Config, work_dir: Path, resume: bool) -> Config:
    """``config`` with the work directory, the seed in all its places, and the suite's hooks.

    Raises:
        InputError: as :func:`train` does, of what can be told before the data is read.
    """
    require_whole_steps(config.to_dict(), config.filename or "The config")
    config = prepared(config, work_dir, training_hooks(config))
    if own_checkpoints(config):
        config.default_hooks.checkpoint.max_keep_ckpts = -1  # m2f.TimelyCheckpoints removes them
    config.resume = False
    if resume:
        resume_newest(config, work_dir)
    check_weights({"model": config.model} if config.resume else config)
    if not config.resume:
        begin_from_weights(config)
    check_precision(config)
    config.train_dataloader.dataset.seed = config.seed
    config.train_dataloader.batch_size = share_of_batch(config.train_dataloader.batch_size)
    check_shared_memory(config, processes_here())
    return config


def prepared(config: Config, work_dir: Path, hooks: list[dict[str, Any]]) -> Config:
    """``config`` with the work directory, the seed of the weights, and ``hooks`` besides its own.

    Raises:
        InputError: it names a component that is not registered, which mmengine would import and call.
    """
    require_registered(config.to_dict(), config.filename or "The config")
    # mmengine writes the config out four times a run; laying it out nicely would take seconds each time.
    config = Config(config.to_dict(), filename=config.filename, format_python_code=False)
    config.work_dir = str(work_dir)
    # By name and second mmengine finds the log of a run of this process, and takes another's that has the same ones.
    config.experiment_name = f"{work_dir.name}-{crc32(os.fsencode(work_dir.absolute())):08x}"
    config.randomness = ConfigDict(seed=config.seed)
    config.custom_hooks = [*config.get("custom_hooks", []), *hooks]
    if get_world_size() > 1:
        distribute(config)
    return config


def distribute(config: Config) -> None:
    """Set up a config for the processes that this one has joined."""
    config.launcher = "pytorch"
    config.model_wrapper_cfg = ConfigDict(
        type="MMDistributedDataParallel",
        broadcast_buffers=False,  # m2f.AverageStatistics does better than to take the main process's
        find_unused_parameters=True,  # some variations leave parts of the model out
    )
    if not torch.cuda.is_available():
        config.model_wrapper_cfg.device_ids = None  # mmengine would say which GPU
    batch_size = config.val_dataloader.batch_size
    config.val_dataloader.sampler = ConfigDict(type="m2f.WholeBatches", batch_size=batch_size)
    config.val_evaluator = ConfigDict(type="m2f.SharedEvaluator", metrics=config.val_evaluator, batch_size=batch_size)


def training_hooks(config: Config) -> list[dict[str, Any]]:
    """Configs of the hooks that every training has."""
    own = own_checkpoints(config)
    interval, keep = own.get("interval", -1), own.get("max_keep_ckpts", -1)
    return [
        {"type": "m2f.SeedEveryIteration", "seed": config.seed},
        {"type": "m2f.TellProgress"},
        {"type": "m2f.AverageStatistics"},
        {"type": "m2f.SameProcesses"},
        {"type": "m2f.ShortHistory"},
        {"type": "m2f.FitWeights"},
        {"type": "m2f.StopAtDivergence"},
        {"type": "m2f.TimelyCheckpoints", "interval": interval, "keep": keep},
        {"type": "m2f.Progress"},
        {"type": "m2f.History"},
        {"type": "m2f.Details"},
        {"type": "m2f.KeepTrainedAs"},
        {"type": "m2f.SamplePictures"},
    ]


def own_checkpoints(config: Config) -> Mapping[str, Any]:
    """What a config says of checkpoints; empty if it has none written."""
    return config.get("default_hooks", {}).get("checkpoint") or {}
