"""What ``m2f eval`` shows: how far it is, and then its numbers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ablations.running.progress import LINE_SECONDS, duration
from ablations.terminal import Column, table
from m2f.engine.coco_evaluation import Evaluation
from m2f.engine.kept.tables import column_names

WORDS_OF_A_CLASS = ("class", "kind")
LEAST = {"class": 12}  # columns


@dataclass(frozen=True)
class Words:
    """How progress calls what is done: meanwhile, once it is, what comes then, and with what it is done."""

    doing: str = "evaluating"
    done: str = "evaluated"
    last: str = "computing the metrics"
    things: str = "images"


@contextmanager
def shown_progress(console: Console, words: Words = Words()) -> Iterator[Callable[[int, int], None]]:
    """A function to be told the things done and in all: a bar on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        yield Lines(console, words).tell
        return
    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # What is printed meanwhile goes to a log, not to the bar's terminal.
    with Progress(*parts, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("loading", total=None)

        def tell(done: int, things: int) -> None:
            bar.update(task, completed=done, total=things, description=words.last if done == things else words.doing)

        yield tell


class Lines:
    """Progress in lines: at the start, at the end and every ``LINE_SECONDS``."""

    def __init__(self, console: Console, words: Words) -> None:
        self.console = console
        self.words = words
        self.started = self.spoken = time.monotonic()

    def tell(self, done: int, things: int) -> None:
        """Print a line if it is time to."""
        now, words = time.monotonic(), self.words
        if done == 0:
            self.started = now
            line = f"{words.doing} {things} {words.things}"
        elif done == things:
            line = f"{words.done} {things} {words.things} in {duration(now - self.started)}, {words.last}"
        elif now - self.spoken >= LINE_SECONDS:
            left = duration((now - self.started) / done * (things - done))
            line = f"{words.done} {done}/{things} {words.things}, {left} left"
        else:
            return
        self.spoken = now
        self.console.print(line, highlight=False, soft_wrap=True)


def show(evaluation: Evaluation, console: Console) -> None:
    """Print a table of the classes, one of the metrics, and where they come from."""
    show_numbers(evaluation.classes, evaluation.metrics, console)
    console.print(f"{evaluated(evaluation)}, in {duration(evaluation.seconds)}", highlight=False, soft_wrap=True)


def evaluated(evaluation: Evaluation) -> str:
    """Which images were evaluated, and of how many where a list has chosen them."""
    if not evaluation.listed_by:
        return f"{evaluation.images} images of {evaluation.data}, {evaluation.split}"
    number = f"{evaluation.images} of {evaluation.images + evaluation.left_out} images"
    return f"{number} of {evaluation.data}, those that {evaluation.listed_by} names"


def show_numbers(classes: Sequence[Mapping[str, Any]], metrics: Mapping[str, float], console: Console) -> None:
    """Print a table of the classes, each a row by column, and one of the metrics."""
    names = column_names(classes)
    columns = [Column(name, right=name not in WORDS_OF_A_CLASS, least=LEAST.get(name)) for name in names]
    by_metric = (Column("metric"), Column("%", right=True))
    lines = (
        *table(columns, [[cell(row.get(name)) for name in names] for row in classes], console.width),
        "",
        *table(by_metric, [(name, cell(value)) for name, value in metrics.items()], console.width),
    )
    console.out("\n".join(lines), highlight=False)


def cell(value: str | float | None) -> str:
    """A value of a table, empty where there is none."""
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
