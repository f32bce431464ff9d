"""Evaluate the checkpoint of a training, as its config or any other with the same parameters says."""

from pathlib import Path
from textwrap import shorten

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, find_latest_checkpoint

from m2f.data.prepare import check_class_count
from m2f.engine.hooks import finite
from m2f.engine.train import prepared
from m2f.errors import InputError


def evaluate(config: Config, checkpoint: Path, work_dir: Path) -> dict[str, float]:
    """Evaluate a checkpoint's model in this process; what else the checkpoint holds is not used.

    Keeps ``progress.json`` and ``timing.json`` in ``work_dir``. The data set that the model was trained on need not be
    there. Given the same config and checkpoint, the metrics are the same.

    Args:
        config: a whole config as in ``configs/``, data paths resolved; of its data, ``val_dataloader`` and
            ``val_evaluator`` are used.
        checkpoint: a checkpoint of a model with the same parameters.
        work_dir: the run's directory.

    Returns:
        The metrics.

    Raises:
        InputError: the checkpoint or the data cannot be used.
    """
    init_default_scope(config.default_scope)
    runner = Runner.from_cfg(prepared(config, work_dir, [{"type": "m2f.EvaluationProgress"}]))
    check_class_count(config, runner.val_loop.dataloader.dataset)
    load_model(runner, checkpoint)
    return finite(runner.val())


def load_model(runner: Runner, checkpoint: Path) -> None:
    """Load all of the model's weights, and nothing else, from a checkpoint.

    Raises:
        InputError: the file is missing, damaged, or of a model with other parameters.
    """
    try:
        runner.load_checkpoint(str(checkpoint), strict=True)
    except (OSError, EOFError, RuntimeError) as error:
        reason = shorten(str(error), width=300)
        raise InputError(f"{checkpoint} cannot be loaded into the config's model: {reason}") from error


def last_checkpoint(run_directory: Path) -> Path:
    """The checkpoint that a run wrote last, wherever its directory has been moved to since.

    Raises:
        InputError: there is none.
    """
    written = find_latest_checkpoint(str(run_directory))
    checkpoint = run_directory / Path(written or "none").name
    if not checkpoint.is_file():
        raise InputError(f"{run_directory} has no checkpoint to evaluate; remove it and train again with `m2f run`.")
    return checkpoint
