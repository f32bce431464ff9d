"""A run's directory: the one place that knows which files it has, who writes each, and when.

    config.py                      the orchestrator, before the run: the whole config, plain values alone
    run.json                       the orchestrator, before the run: who it is; the worker, at its start: where it runs
    claim.<n>                      whoever holds the run (``ablations.store.claims``)
    log.txt                        the worker: everything that is printed
    dirty.patch                    the worker, at its start: the suite's local changes
    state.json                     the worker, at its start and its end; the orchestrator, if the worker has died
    metrics.json                   the worker, at its end, before the state says *done*
    progress.json                  ``m2f.Progress``, ``m2f.EvaluationProgress``: every second or so
    timing.json, history.json      ``m2f.Progress``, ``m2f.History``: at each evaluation of a training
    per_class.csv, per_image.csv,  ``m2f.Details``: at the last evaluation of a training
    image_parts.npz
    samples/                       ``m2f.SamplePictures``: at the last evaluation of a training
    attention/                     ``m2f.AttentionSamples``: in the evaluation of a trained model
    iter_<n>.pth, last_checkpoint  mmengine's checkpoint hook: every so many iterations
    <start>/vis_data/scalars.json  mmengine's visualizer: a line for each logged iteration, a directory for each process

All but the last two rows are written under another name and renamed: a crash leaves each file as it was or whole. What
cannot be told again is flushed to the disk. Whatever is read here is data: nothing of it is run or imported.
"""

import csv
import io
import math
import sys
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import msgspec

from ablations.metric_names import FIRST_LOSS, LAST_LOSS, LONGEST_NAME, is_name, unit
from ablations.planning.plan import RESULTS_FORMAT_VERSION
from ablations.store.claims import is_held
from m2f.config_files import OF_A_RUN, parsed_values
from m2f.engine.kept.names import ATTENTION, IMAGE_PARTS, PER_CLASS, PER_IMAGE, SAMPLES
from m2f.errors import InputError
from m2f.files import read_regular

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CONFIG, IDENTITY, STATE, METRICS = "config.py", OF_A_RUN, "state.json", "metrics.json"
PROGRESS, TIMING, HISTORY = "progress.json", "timing.json", "history.json"
LOG, PATCH = "log.txt", "dirty.patch"
PACKED_PARTS = "image_parts.json"  # image_parts.npz as a packed store has it
STATES = ("done", "running", "failed", "interrupted", "planned")
# Beginnings of m2f's own metrics, which lie between nothing and all; a metric of one's own may be any number.
SHARES = ("PQ", "SQ", "RQ", "AP", "AR", "mIoU", "fg_", "bg_")
ROUNDING = 1e-6
MEND = "remove its run directory and give the `m2f run` that made it again"


class Environment(TypedDict, total=False):
    """What ``run.json`` says of where a run took place; besides these, versions of what decides numbers."""

    python: str
    platform: str
    processor: str
    cores: int
    memory: float
    threads: int
    gpus: list[str]
    packages: dict[str, str | None]
    precision: dict[str, str]


class Commit(TypedDict, total=False):
    """The suite's commit and whether it had local changes; both null outside of a checkout."""

    commit: str | None
    dirty: bool | None
    patch: str


class Identity(TypedDict):
    """What ``run.json`` says of who a run is."""

    digest: str
    task: str
    scale: str
    seed: int
    dataset: str
    split: str
    config: str
    overrides: dict[str, Any]
    data_fingerprint: str
    data_directory: str
    weights: NotRequired[dict[str, str]]
    source: NotRequired[str]
    processes: NotRequired[int]
    environment: NotRequired[Environment]
    git: NotRequired[Commit]


class Seconds(TypedDict):
    """What ``timing.json`` says."""

    seconds: dict[str, float]


class Evaluated(TypedDict):
    """A line of ``history.json``."""

    iteration: int
    metrics: dict[str, float]


class Progress(TypedDict, total=False):
    """What ``progress.json`` says."""

    phase: str
    iteration: int
    iterations: int
    loss: float | None
    eta_seconds: float | None


class Measured(TypedDict):
    """What ``metrics.json`` says."""

    metrics: dict[str, float]
    results_format: int


class WrittenState(TypedDict):
    """What ``state.json`` says."""

    state: str
    reason: NotRequired[str | None]
    kind: NotRequired[str | None]
    pid: NotRequired[int | None]
    host: NotRequired[str | None]
    started: NotRequired[str | None]
    finished: NotRequired[str | None]


@dataclass(frozen=True)
class State:
    """Where a run stands.

    Attributes:
        name: one of ``STATES``. *Interrupted* is never written: it is *running* without a live worker.
        reason: why it failed or does not count as done, in one sentence.
        kind: of a failure: 'input', 'error' or 'killed'.
        pid: its last worker.
        host: where that ran.
        started: when, ISO 8601.
        finished: when it was done or failed.
    """

    name: str
    reason: str | None = None
    kind: str | None = None
    pid: int | None = None
    host: str | None = None
    started: str | None = None
    finished: str | None = None


class RunRecord:
    """What a run's directory tells, each file read when it is first asked for; ``state`` and ``progress`` each time.

    What a run need not have, such as the history of an evaluation, is empty where it is missing. What is there and is
    not what m2f writes raises an ``InputError``, which names the file and the mend.

    Args:
        directory: the run's.
    """

    mend = MEND
    recorded = True  # where it is not, all that is known are the numbers

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def name(self) -> str:
        """The run's name."""
        return self.directory.name

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Who the run is and where it took place, as :class:`Identity` has it."""
        return dict(self._read(IDENTITY, Identity))

    @property
    def source(self) -> str | None:
        """Of an evaluation, the name of the training whose checkpoint it evaluates."""
        return self.identity.get("source")

    @property
    def environment(self) -> dict[str, Any]:
        """Where it took place; empty if that is not recorded."""
        return self.identity.get("environment", {})

    @property
    def git(self) -> dict[str, Any]:
        """The suite's commit; empty if that is not recorded."""
        return self.identity.get("git", {})

    @property
    def state(self) -> State:
        """Where the run stands, whatever happened to its worker."""
        content = self.written_state()
        if content is not None and content["state"] == "running" and not is_held(self.directory):
            # The worker writes its last state before it lets go of the run.
            content = self.written_state()
            if content is not None and content["state"] == "running":
                content |= {"state": "interrupted", "reason": "its worker is gone"}
        if content is None:
            return State("planned")
        if _fault(self, content):
            content |= {"state": "interrupted", "reason": self._fault_of_metrics()}
        known = ("reason", "kind", "pid", "host", "started", "finished")
        return State(content["state"], **{key: content.get(key) for key in known})

    @property
    def fault(self) -> str:
        """Of a run that says it is done, why its metrics cannot be used; empty if they can, or it is not done."""
        return _fault(self, self.written_state())

    @property
    def progress(self) -> dict[str, Any]:
        """What the run last said of its progress; empty before it said anything, or if that cannot be read."""
        with suppress(InputError):
            return dict(self._read_if_there(PROGRESS, Progress, {}))
        return {}

    @cached_property
    def config(self) -> dict[str, Any]:
        """The whole config, as plain values."""
        try:
            return parsed_values(self._content(CONFIG))
        except (OSError, ValueError) as error:
            raise InputError(f"{self.directory / CONFIG} cannot be read as a run's config; {self.mend}.") from error

    @property
    def model(self) -> dict[str, Any]:
        """The config's model."""
        model = self.config.get("model")
        if not isinstance(model, dict):
            raise self._damaged(CONFIG, "it has no model")
        return model

    @property
    def imports(self) -> list[str]:
        """The modules that register components of the config."""
        named = self.config.get("custom_imports", {})
        modules = named.get("imports", []) if isinstance(named, dict) else None
        if not isinstance(modules, list) or not all(isinstance(module, str) for module in modules):
            raise self._damaged(CONFIG, "its custom_imports names no modules")
        return modules

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The run's numbers by name, in percent, shares of attention as fractions."""
        content = self._read(METRICS, Measured)
        if content["results_format"] != RESULTS_FORMAT_VERSION:
            raise self._damaged(METRICS, _of_another_format(content["results_format"]))
        for name, value in content["metrics"].items():
            if not is_name(name):
                raise self._damaged(METRICS, f"a metric has the name {name[:LONGEST_NAME]!r}")
            most = 100 if unit(name) == "%" else 1
            if not math.isfinite(value) or (name.startswith(SHARES) and not -ROUNDING <= value <= most + ROUNDING):
                raise self._damaged(METRICS, f"{name} is {value:g}")
        return dict(content["metrics"])

    @cached_property
    def seconds(self) -> dict[str, float]:
        """What its processes have spent on each part, up to its last evaluation, with ``total``."""
        seconds = self._read_if_there(TIMING, Seconds, {"seconds": {}})["seconds"]
        for part, spent in seconds.items():
            if not 0 <= spent < math.inf:
                raise self._damaged(TIMING, f"{part} took {spent:g} seconds")
        return seconds

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """Iteration and metrics of each evaluation of a training."""
        return self._read_if_there(HISTORY, list[Evaluated], [])

    @property
    def losses(self) -> dict[str, float]:
        """The training losses that were logged first and last, means over mmengine's window; empty without a log."""
        curve = self.loss_curve
        return {FIRST_LOSS: curve[0][2], LAST_LOSS: curve[-1][2]} if curve else {}

    @cached_property
    def loss_curve(self) -> list[tuple[int, str, float]]:
        """Iteration, start of the process, and loss of each line that the training logged, in this order."""
        records = []
        for start, path in self._scalars():
            with suppress(OSError):
                for line in self._content(path).splitlines():
                    with suppress(ValueError, TypeError, KeyError, RecursionError):
                        record = msgspec.json.decode(line)
                        loss = float(record["loss"])
                        if math.isfinite(loss):
                            records.append((int(record["step"]), start, loss))
        return sorted(records)

    def per_class(self, column: str) -> "pd.Series":
        """A column of the table of classes, by their names; empty if the run keeps none."""
        return self._column(PER_CLASS, column)

    @property
    def classes(self) -> list[dict[str, Any]]:
        """The table of classes, a row each by column, names as text and values that are known as numbers."""
        rows = self._rows(PER_CLASS)
        try:
            return [
                {key: text if key in ("class", "kind") else float(text) for key, text in row.items() if text}
                for row in rows
            ]
        except ValueError as error:
            raise self._damaged(PER_CLASS, "it has a value that is no number") from error

    def per_image(self, column: str) -> "pd.Series":
        """A column of the table of images, by their ids as text; empty if the run keeps none."""
        return self._column(PER_IMAGE, column)

    def image_parts(self, metric: str) -> "NDArray[np.float32] | None":
        """What each image gives to a metric's sums ``[I, parts, K]``; None if the run keeps none of the metric."""
        return self.all_image_parts().get(metric)

    def all_image_parts(self) -> "dict[str, NDArray[np.float32]]":
        """The parts of all metrics that the run keeps them of, see :meth:`image_parts`.

        Raises:
            InputError: they are damaged.
        """
        import numpy as np

        parts = self._read_parts()
        for name, values in parts.items():
            if values.dtype != np.float32 or values.ndim != 3 or not np.isfinite(values).all():
                raise self._damaged(IMAGE_PARTS, f"its {name} is no table of numbers by image, part and class")
        return parts

    def _read_parts(self) -> "dict[str, NDArray[np.float32]]":
        import numpy as np

        if self._has(PACKED_PARTS):
            try:
                parts = msgspec.json.decode(self._content(PACKED_PARTS), type=dict[str, list[list[list[float]]]])
                return {name: np.asarray(values, np.float32) for name, values in parts.items()}
            except (OSError, ValueError, RecursionError) as error:
                raise self._damaged(PACKED_PARTS, str(error)) from error
        path = self.directory / IMAGE_PARTS
        if not path.exists():
            return {}
        try:
            with np.load(io.BytesIO(read_regular(path)), allow_pickle=False) as kept:
                return {name: kept[name] for name in kept.files}
        except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
            raise self._damaged(IMAGE_PARTS, str(error)) from error

    @cached_property
    def samples(self) -> dict[str, dict[str, Path]]:
        """Pictures by image and kind, ``image``, ``truth`` or ``prediction``; numbers of images come in their order."""
        names = [path.name.removesuffix("_prediction.png") for path in self._files(SAMPLES, "*_prediction.png")]
        ordered = sorted(names, key=lambda name: (len(name), name))
        kinds = ("image", "truth", "prediction")
        pictures = {name: {kind: self.directory / SAMPLES / f"{name}_{kind}.png" for kind in kinds} for name in ordered}
        return {name: own for name, own in pictures.items() if all(map(_is_whole_png, own.values()))}

    @cached_property
    def attention(self) -> dict[str, Path]:
        """Where queries looked, a file of ``m2f.AttentionSamples`` by image; short names first, then by name."""
        found = {path.stem: path for path in self._files(ATTENTION, "*.npz")}
        return {name: found[name] for name in sorted(found, key=lambda name: (len(name), name))}

    @property
    def log(self) -> Path:
        """What the worker printed."""
        return self.directory / LOG

    @property
    def patch(self) -> Path:
        """The suite's local changes, if it had any."""
        return self.directory / PATCH

    def require_whole(self) -> None:
        """See that a finished run is all that m2f writes.

        Raises:
            InputError: a file is damaged; it names the file and the mend.
        """
        _ = self.identity, self.metrics, self.seconds, self.history, self.imports
        self.all_image_parts()
        for table in (PER_CLASS, PER_IMAGE):
            self._rows(table)

    def require_imported(self) -> None:
        """See that the user has named the modules that the run's components come from.

        Raises:
            InputError: he has not. What a store names is not imported.
        """
        for module in self.imports:
            if module not in sys.modules:
                raise InputError(
                    f"{self.directory / CONFIG} has components of the module '{module}'; if you trust it, name it with "
                    f"--import {module}."
                )

    def _fault_of_metrics(self) -> str:
        """Why there are no metrics that can be relied on, without the mend: the next `m2f run` does it again."""
        with suppress(InputError):
            written = self._read(METRICS, Measured)["results_format"]
            if written != RESULTS_FORMAT_VERSION:
                return f"{METRICS} {_of_another_format(written)}"
        return f"{METRICS} is missing or damaged"

    def written_state(self) -> dict[str, Any] | None:
        """What ``state.json`` says; None if it is not there, damaged or a stranger's."""
        with suppress(InputError):
            content = self._read(STATE, WrittenState)
            return dict(content) if content["state"] in STATES else None
        return None

    def _read_if_there(self, name: str, kind: Any, otherwise: Any) -> Any:
        return self._read(name, kind) if self._has(name) else otherwise

    def _read(self, name: str, kind: Any) -> Any:
        """A JSON file, seen to be of a type and otherwise as it is."""
        try:
            content = msgspec.json.decode(self._content(name))
            msgspec.convert(content, kind)
        except OSError as error:
            raise self._damaged(name, error.strerror or str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self._damaged(name, str(error).partition("\n")[0]) from error
        return content

    def _damaged(self, name: str, reason: str) -> InputError:
        return InputError(f"{self.directory / name} cannot be used ({reason}); {self.mend}.")

    def _has(self, name: str) -> bool:
        return (self.directory / name).exists()

    def _content(self, name: str) -> bytes:
        return read_regular(self.directory / name)

    def _scalars(self) -> list[tuple[str, str]]:
        """When each process of the run began, and the name of its log of losses."""
        paths = self.directory.glob("*/vis_data/scalars.json")
        return [(path.parent.parent.name, str(path.relative_to(self.directory))) for path in paths]

    def _files(self, folder: str, pattern: str) -> list[Path]:
        return [path for path in (self.directory / folder).glob(pattern) if path.is_file() and not path.is_symlink()]

    def _rows(self, table: str) -> list[dict[str, str]]:
        """The rows of a table as text; none if the run keeps none."""
        if not self._has(table):
            return []
        try:
            text = self._content(table).decode()
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except (OSError, ValueError, csv.Error) as error:
            raise self._damaged(table, str(error)) from error
        if not rows or any(len(row) != len(rows[0]) for row in rows) or not text.endswith("\n"):
            raise self._damaged(table, "it is cut off")
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]

    def _column(self, table: str, column: str) -> "pd.Series":
        import pandas as pd

        rows = self._rows(table)
        if not rows:
            return pd.Series(dtype=float)
        key = next(iter(rows[0]))
        try:
            return pd.Series({row[key]: float(row[column] or math.nan) for row in rows}, name=column, dtype=float)
        except (KeyError, ValueError) as error:
            raise self._damaged(table, f"it has no readable column '{column}'") from error


def _is_whole_png(path: Path) -> bool:
    """Whether a picture is there and begins and ends as one does; a link may lead anywhere."""
    if path.is_symlink() or not path.is_file():
        return False
    content = path.read_bytes()
    return content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")


def _fault(record: RunRecord, written: Mapping[str, Any] | None) -> str:
    """Why the metrics of a run cannot be used that has written that it is done; empty otherwise."""
    if written is not None and written["state"] == "done":
        try:
            _ = record.metrics
        except InputError as error:
            return str(error)
    return ""


def _of_another_format(written: int) -> str:
    return f"is of results format {written}, this version of m2f writes {RESULTS_FORMAT_VERSION}"
