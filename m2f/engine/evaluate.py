"""Evaluate the checkpoint of a training, as its config or any other with the same parameters says."""

from pathlib import Path
from typing import Literal

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, find_latest_checkpoint

from m2f.checkpoints import load_into, read_checkpoint
from m2f.checkpoints.classes import read_classes
from m2f.data.classes import check_same_classes
from m2f.data.prepare import check_class_count
from m2f.data.semantic import tell_classes
from m2f.engine.ground_truth import check_ground_truth
from m2f.engine.hooks import finite
from m2f.engine.precision import set_precision
from m2f.engine.processes import joined_processes
from m2f.engine.resume import newest_first
from m2f.engine.train import prepared
from m2f.errors import InputError
from m2f.registered_types import require_registered

ClassesFrom = Literal["checkpoint", "data"]
OTHER_CLASSES = (
    "order the data set's categories as the model has them; or, if only names differ, add `--classes-from data`"
)


def evaluate(config: Config, checkpoint: Path, work_dir: Path) -> dict[str, float]:
    """Evaluate a checkpoint's model in this process, or in all those that torchrun has started to call this.

    What else the checkpoint holds is not used. Keeps ``progress.json`` and ``timing.json`` in ``work_dir``, and
    ``attention/`` of a model that tells its attention. The data set that the model was trained on need not be there.
    Given the same config and checkpoint, the metrics are the same, whatever the number of processes; of several, the
    first alone writes.

    Args:
        config: a whole config as in ``configs/``, data paths resolved; of its data, ``val_dataloader`` and
            ``val_evaluator`` are used.
        checkpoint: a checkpoint of a model with the same parameters.
        work_dir: the run's directory.

    Returns:
        The metrics, in every process.

    Raises:
        InputError: the checkpoint or the data cannot be used.
    """
    with joined_processes():
        runner = evaluation_runner(config, work_dir)
        load_model(runner, checkpoint)
        return finite(runner.val())


def evaluation_runner(config: Config, work_dir: Path) -> Runner:
    """A runner whose ``val`` evaluates the config's model; its arguments are those of :func:`evaluate`.

    Raises:
        InputError: the data is missing or has other classes than the model, or the config names what is not registered.
    """
    require_registered(config.to_dict(), str(config.filename or work_dir))
    set_precision(config)
    init_default_scope(config.default_scope)
    hooks = [
        {"type": "m2f.SeedEveryIteration", "seed": config.seed},
        {"type": "m2f.EvaluationProgress"},
        {"type": "m2f.AttentionSamples"},
    ]
    config = prepared(config, work_dir, hooks)
    config.load_from, config.resume = None, False  # what the training began from, which mmengine would load once more
    runner = Runner.from_cfg(config)
    check_class_count(config, runner.val_loop.dataloader.dataset)
    tell_classes(runner.val_loop.dataloader.dataset)
    check_ground_truth(runner.val_loop)
    return runner


def load_model(runner: Runner, checkpoint: Path, classes_from: ClassesFrom = "checkpoint") -> str:
    """Load all of the model's weights, and nothing else, from a checkpoint of ours or any that ``m2f convert`` reads.

    Args:
        runner: of the evaluation.
        checkpoint: a file or directory.
        classes_from: whose names of the classes count. Those of the checkpoint must be the data set's, if it has any;
            those of the data are taken for the model's, place by place.

    Returns:
        The format that the checkpoint is of.

    Raises:
        InputError: the file is missing, damaged, or of a model with other parameters or classes.
    """
    state, source = read_checkpoint(checkpoint)
    names = read_classes(checkpoint) if classes_from == "checkpoint" else None
    if names is not None:
        found = runner.val_loop.dataloader.dataset.metainfo["classes"]
        check_same_classes(f"{checkpoint}", names, "the data set", found, OTHER_CLASSES)
    try:
        load_into(runner.model.module if is_model_wrapper(runner.model) else runner.model, state)
    except InputError as error:
        raise InputError(f"{checkpoint} cannot be loaded: {error}") from error
    return source


def last_checkpoint(run_directory: Path) -> Path:
    """The checkpoint that a run wrote last, wherever its directory has been moved to since.

    Raises:
        InputError: there is none.
    """
    named = (run_directory / "last_checkpoint").is_file()  # without it mmengine prints that there is none
    written = find_latest_checkpoint(str(run_directory)) if named else None  # empty after a loss of power
    names = [written] if written else [path for _, path in newest_first(run_directory)]
    checkpoint = run_directory / Path(next(iter(names), "none")).name
    if not checkpoint.is_file():
        raise InputError(f"{run_directory} has no checkpoint to evaluate; remove it and train again with `m2f run`.")
    return checkpoint
