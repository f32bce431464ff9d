"""Evaluate any checkpoint of a Mask2Former on a data set in COCO's layout, and keep all that comes of it."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from m2f.config_files import read_config
from m2f.data.config_layout import require_data_layout
from m2f.data.listed import left_out, list_of
from m2f.data.prepare import unwrapped
from m2f.data.relocate import check_files, relocate
from m2f.data.unannotated import on_test_images
from m2f.engine.evaluate import ClassesFrom, evaluation_runner, load_model
from m2f.engine.hooks import finite
from m2f.engine.kept.names import PER_CLASS, PER_IMAGE
from m2f.engine.kept.tables import class_rows, image_rows, write_table
from m2f.engine.multi_scale import at_many_scales
from m2f.errors import InputError
from m2f.files import new_directory, write_json
from m2f.metrics.coco_results import CocoResults, own_category_ids, result_names
from m2f.metrics.submission import write_submission

NEEDED = ("default_scope", "seed", "model", "val_dataloader", "val_evaluator")

Progress = Callable[[int, int], None]
"""Is told the images done and the images in all."""


@dataclass(frozen=True)
class Evaluation:
    """What was evaluated and what came of it.

    Attributes:
        config: the config's file.
        checkpoint: the checkpoint's file or directory.
        checkpoint_format: see :func:`m2f.checkpoints.read_checkpoint`.
        data: the data set's directory.
        split: of the data set.
        images: how many were evaluated.
        listed_by: the file whose names chose them, such as those that a training held out; empty where all were taken.
        left_out: how many images the data set has besides, which that file does not name.
        seconds: that it took in all.
        metrics: under the names of the paper's tables.
        classes: a row for each class in the data set's order, with its name and those of its values that are known.
        per_image: a row for each image in the data set's order, with its id and the quality of its segmentation alone.
    """

    config: str
    checkpoint: str
    checkpoint_format: str
    data: str
    split: str
    images: int
    listed_by: str
    left_out: int
    seconds: float
    metrics: dict[str, float]
    classes: list[dict[str, Any]]
    per_image: list[dict[str, Any]]


def evaluate_on(
    config_file: Path,
    checkpoint: Path,
    data: Path,
    out: Path,
    split: str | None = None,
    progress: Progress | None = None,
    classes_from: ClassesFrom = "checkpoint",
    multi_scale: bool = False,
    submission: str | None = None,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Evaluation:
    """Evaluate a checkpoint on a data set, in this process.

    Writes ``metrics.json``, ``per_class.csv``, ``per_image.csv``, the predictions as
    :class:`~m2f.metrics.coco_results.CocoResults` does, and a ``log``, all of them into a new directory that appears
    when everything is done. Masks are encoded image by image: how much memory it takes hardly depends on the number of
    images.

    Args:
        config_file: a config as in ``configs/``, or a run's ``config.py``; says the model, the pipeline and the
            metrics.
        checkpoint: whatever :func:`m2f.checkpoints.read_checkpoint` reads.
        data: a directory laid out as the config's own data set, which for COCO is COCO's layout.
        out: the new directory.
        split: of the data set; None for the config's own.
        progress: is told each time images are done.
        classes_from: see :func:`m2f.engine.evaluate.load_model`.
        multi_scale: test at several scales, see :class:`m2f.models.multi_scale.MultiScale`.
        submission: a name of :data:`m2f.data.unannotated.SERVERS`, for whose images there is no ground truth: nothing
            is measured, and beside the predictions lies the zip that the server takes.
        change: gives the config that is evaluated, from that of the file.

    Raises:
        InputError: the config, the checkpoint or the data cannot be used, they do not fit each other, or ``out``
            exists.
    """
    started = time.perf_counter()
    config = load_config(config_file, change)
    config = on_test_images(config, data, submission) if submission else relocate(config, data, split)
    if multi_scale:
        config = at_many_scales(config)
    with results_directory(out) as directory, quiet(directory / "log"), tempfile.TemporaryDirectory() as work_dir:
        runner = evaluation_runner(config, Path(work_dir))
        dataset = runner.val_loop.dataloader.dataset
        own = unwrapped(config.val_dataloader.dataset)
        listed_by = list_of(own)
        check_files(dataset, listed_by)
        others = len(left_out([own]))
        source = load_model(runner, checkpoint, classes_from)
        names = result_names(dataset)
        with CocoResults(directory, own_category_ids(dataset), names) as results:
            runner.register_hook(EachBatch(results, progress))
            metrics = finite(runner.val())
        if submission:
            write_submission(submission, directory, names)
        evaluation = Evaluation(
            config=str(config_file),
            checkpoint=str(checkpoint),
            checkpoint_format=source,
            data=str(data),
            split=config.split,
            images=len(dataset),
            listed_by=str(listed_by or ""),
            left_out=others,
            seconds=round(time.perf_counter() - started, 1),
            metrics=metrics,
            classes=class_rows(dataset, runner.val_loop.evaluator.metrics),
            per_image=image_rows(dataset, runner.val_loop.evaluator.metrics),
        )
        write(directory, evaluation)
    return evaluation


class EachBatch(Hook):
    """Saves each batch's predictions and tells how many images are done."""

    def __init__(self, results: CocoResults, progress: Progress | None) -> None:
        self.results = results
        self.progress = progress or (lambda done, images: None)
        self.done = 0

    def before_val(self, runner: Runner) -> None:
        """Tell how many images there are."""
        self.progress(0, len(runner.val_dataloader.dataset))

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Save and tell."""
        for sample in outputs or []:
            self.results.add(sample.to_dict())
            self.done += 1
        self.progress(self.done, len(runner.val_dataloader.dataset))


def load_config(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> Config:
    """A config file with its bases, changed.

    Raises:
        InputError: it is missing, cannot be read, is not that of an evaluation, or does not say where its data are.
    """
    config = read_config(path)
    if change is not None:
        config = Config(change(config.to_dict()), filename=config.filename)
    missing = [key for key in NEEDED if key not in config]
    if missing:
        raise InputError(f"{path} says not how to evaluate: it has no '{missing[0]}'; name a config as in configs/.")
    require_data_layout(config.to_dict(), str(path))
    return config


@contextmanager
def results_directory(path: Path) -> Iterator[Path]:
    """A directory to write to, which is at ``path`` if all goes well and else is removed.

    Raises:
        InputError: there is something at ``path``, or nothing can be written there.
    """
    if path.exists():
        raise InputError(f"{path} exists and is not written over; name another directory with --out, or remove it.")
    with ExitStack() as stack:
        try:
            directory = stack.enter_context(new_directory(path))
        except OSError as error:
            raise InputError(f"{path} cannot be made ({error.strerror}); name another directory with --out.") from error
        yield directory


@contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Send what is printed and logged to a file, from this process and those that it starts."""
    with log.open("w", buffering=1) as file, redirect_stdout(file), redirect_stderr(file):
        try:
            yield
        finally:
            logger = MMLogger.get_current_instance()
            for handler in list(logger.handlers):
                logger.removeHandler(handler)  # the file that it writes to is closed
                handler.close()


def write(directory: Path, evaluation: Evaluation) -> None:
    """Write ``metrics.json``, ``per_class.csv`` and ``per_image.csv``."""
    content = asdict(evaluation)
    classes, images = content.pop("classes"), content.pop("per_image")
    write_json(directory / "metrics.json", content)
    write_table(directory / PER_CLASS, classes)
    write_table(directory / PER_IMAGE, images)
