"""What a sweep shows while it runs: a live view on a terminal, plain lines elsewhere."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from ablations.metric_names import unit
from ablations.store.run_record import RunRecord, State
from ablations.terminal import Column, table

POLL_SECONDS = 0.5  # between two looks at the run directories
LINE_SECONDS = 30.0  # between two plain lines about the progress of one run
OVER = ("done", "failed")
COLUMNS = (Column("under way", least=24), Column("", least=30))


@dataclass(frozen=True)
class View:
    """A run as it is shown; ``progress`` is what its ``progress.json`` says."""

    label: str
    state: State
    progress: Mapping[str, Any]

    def is_under_way(self) -> bool:
        """Whether a worker has the run."""
        return self.state.name == "running"


class Display:
    """Watches run directories, tells when a run starts and ends, and keeps a live view where there is a terminal.

    Args:
        runs: directories of the runs by label.
        before: how each stood at the beginning: how an earlier attempt has ended is not how this one does.
        console: where to show.
    """

    def __init__(self, runs: Mapping[str, Path], before: Mapping[Path, State], console: Console) -> None:
        self.runs = runs
        self.labels = {directory: label for label, directory in runs.items()}
        self.before = before
        self.console = console
        self.views = {label: View(label, State("planned"), {}) for label in runs}
        self.active: set[Path] = set()
        self.last_line: dict[str, tuple[float, str]] = {}
        self.looked = 0.0
        self.live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> "Display":
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._look(self.runs.values())
        if self.live:
            self.live.stop()

    def update(self, active: Collection[Path]) -> None:
        """Look again, if it is time to, at the runs that have been under way since the last look."""
        self.active.update(active)
        if time.monotonic() - self.looked >= POLL_SECONDS:
            self._look(self.active)
            self.active = {directory for directory in self.active if self.views[self.labels[directory]].is_under_way()}

    def _look(self, directories: Iterable[Path]) -> None:
        self.looked = time.monotonic()
        for directory in directories:
            before = self.views[self.labels[directory]]
            if before.state.name not in OVER:
                state = RunRecord(directory).state
                if state.name in OVER and state == self.before[directory]:
                    continue
                now = self.views[before.label] = View(before.label, state, RunRecord(directory).progress)
                self._tell(before, now)
        if self.live:
            self.live.update(Text(live_view(list(self.views.values()), self.console.width)), refresh=True)

    def _tell(self, before: View, now: View) -> None:
        if now.state.name != before.state.name and now.state.name in OVER:
            self._print(end_line(now, self.runs[now.label]))
        elif now.state.name != "running" or self.live:
            return
        elif before.state.name != "running":
            self._print(f"started      {now.label}")
        elif self._line_is_due(now):
            self._print(f"running      {now.label}: {progress_words(now.progress)}")

    def _line_is_due(self, view: View) -> bool:
        """Whether the run's phase has changed or its last line is old."""
        phase = view.progress.get("phase", "")
        spoken, last_phase = self.last_line.get(view.label, (0.0, ""))
        if phase == last_phase and time.monotonic() - spoken < LINE_SECONDS:
            return False
        self.last_line[view.label] = (time.monotonic(), phase)
        return bool(phase)

    def _print(self, line: str) -> None:
        self.console.print(f"{datetime.now():%H:%M:%S} {escape(line)}", highlight=False, soft_wrap=True)


def end_line(view: View, directory: Path) -> str:
    """How a run ended: its first metric and its time, or the reason of its failure."""
    if view.state.name == "failed":
        return f"failed       {view.label}: {view.state.reason}"
    name, value = next(iter(RunRecord(directory).metrics.items()), ("no metric", float("nan")))
    digits = 1 if unit(name) == "%" else 3
    return f"done         {view.label}: {name} {value:.{digits}f} after {elapsed(view.state)}"


def elapsed(state: State) -> str:
    """From the start of the last worker to its end."""
    if not state.started or not state.finished:
        return "unknown time"
    return duration((datetime.fromisoformat(state.finished) - datetime.fromisoformat(state.started)).total_seconds())


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))


def progress_words(progress: Mapping[str, Any]) -> str:
    """Time left, iteration and loss, as far as they are known; what counts least stands last, where it may be cut."""
    if any(progress.get(name) is None for name in ("phase", "iteration", "iterations")):
        return "starting"
    words = [f"{progress['phase']} {progress['iteration']}/{progress['iterations']}"]
    if progress.get("eta_seconds") is not None:
        words.append(f"{duration(progress['eta_seconds'])} left")
    if progress.get("loss") is not None:
        words.append(f"loss {progress['loss']:.3f}")
    return ", ".join(words)


def live_view(views: list[View], wide: int) -> str:
    """The runs under way, one a line of at most ``wide`` columns, and the sweep's counts."""
    rows = [(view.label, progress_words(view.progress)) for view in views if view.is_under_way()]
    return "\n".join([*table(COLUMNS, rows, wide), sweep_words(views)])


def sweep_words(views: list[View]) -> str:
    """How many runs are done, running, failed and left."""
    count = Counter(view.state.name for view in views)
    left = count["planned"] + count["interrupted"]
    return f"{count['done']} done, {count['running']} running, {count['failed']} failed, {left} left"
