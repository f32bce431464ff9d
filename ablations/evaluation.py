"""What ``m2f eval`` shows: how far it is, and then its numbers."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ablations.running.progress import LINE_SECONDS, duration
from m2f.engine.coco_evaluation import Evaluation
from m2f.engine.kept.tables import column_names

COMPUTING = "computing the metrics"


@contextmanager
def shown_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A function to be told the images done and in all: a bar on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        yield Lines(console).tell
        return
    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # What is printed meanwhile goes to a log, not to the bar's terminal.
    with Progress(*parts, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("loading", total=None)

        def tell(done: int, images: int) -> None:
            words = COMPUTING if done == images else "evaluating"
            bar.update(task, completed=done, total=images, description=words)

        yield tell


class Lines:
    """Progress in lines: at the start, at the end and every ``LINE_SECONDS``."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = self.spoken = time.monotonic()

    def tell(self, done: int, images: int) -> None:
        """Print a line if it is time to."""
        now = time.monotonic()
        if done == 0:
            self.started = now
            words = f"evaluating {images} images"
        elif done == images:
            words = f"evaluated {images} images in {duration(now - self.started)}, {COMPUTING}"
        elif now - self.spoken >= LINE_SECONDS:
            words = f"evaluated {done}/{images} images, {duration((now - self.started) / done * (images - done))} left"
        else:
            return
        self.spoken = now
        self.console.print(words, highlight=False, soft_wrap=True)


def show(evaluation: Evaluation, console: Console) -> None:
    """Print a table of the classes and one of the metrics."""
    names = column_names(evaluation.classes)
    classes = Table()
    for name in names:
        classes.add_column(name, justify="left" if name in ("class", "kind") else "right")
    for row in evaluation.classes:
        classes.add_row(*(cell(row.get(name)) for name in names))
    metrics = Table("metric")
    metrics.add_column("%", justify="right")
    for name, value in evaluation.metrics.items():
        metrics.add_row(name, cell(value))
    console.print(classes)
    console.print(metrics)
    where = f"{evaluation.images} images of {evaluation.data}, {evaluation.split}"
    console.print(f"{where}, in {duration(evaluation.seconds)}", highlight=False, soft_wrap=True)


def cell(value: str | float | None) -> str:
    """A value of a table, empty where there is none."""
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
