"""The results frame: every metric of every finished run, one a row, under the names of the tables that it fills."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.metric_names import unit
from ablations.store.run_record import RunRecord
from ablations.store.runs import read_cells, run_directory
from ablations.studies import STUDIES
from ablations.terminal import on_one_line
from m2f.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "table",
    "variant",
    "method",
    "backbone",
    "dataset",
    "split",
    "task",
    "scale",
    "seed",
    "metric",
    "value",
    "unit",
    "run",
)
ROW = ("table", "scale", "task", "variant")  # what names a row of a table
Cell = tuple[str, str, str, str, int]  # the same, and a seed
CELL = tuple(column for column in COLUMNS if column not in ("metric", "value", "unit"))


@dataclass(frozen=True)
class Results:
    """What finished runs measured.

    Attributes:
        frame: columns ``COLUMNS``, values in their ``unit``; a run that fills rows of several tables is under each.
        runs: the runs of the frame by name.
        damaged: a sentence for each run that says it is done and is left out because a file of it is damaged.
        place: what they were read from, as sentences name it.
        failed: why a run failed, by the row and seed that want it.
        asked: the rows and seeds that sweeps were to fill, whether or not they have. Packed stores and results frames
            know of none but those that they have.
    """

    frame: "pd.DataFrame"
    runs: dict[str, RunRecord]
    damaged: tuple[str, ...]
    place: str
    failed: Mapping[Cell, str] = field(default_factory=dict)
    asked: frozenset[Cell] = frozenset()

    def left_out(self, tables: Collection[str] = ()) -> tuple[str, ...]:
        """A sentence for each damaged run, and each seed of these tables (none named: all) whose run failed.

        The mean of a row does not show that some of its runs failed, and those that are left may be the better ones.
        """
        there = {*self.frame[[*ROW, "seed"]].itertuples(index=False, name=None)}
        failures = (
            f"Left out: {table} '{variant}' ({task}, {scale}), seed {seed}, failed: {reason}; "
            "`m2f status --failed` names its log."
            for (table, scale, task, variant, seed), reason in self.failed.items()
            if (table, scale, task, variant, seed) not in there and (table in tables or not tables)
        )
        return (*self.damaged, *failures)


def read_results(store: Path) -> Results:
    """All results of a store. Runs that are not done are left out.

    Raises:
        InputError: there is no store.
    """
    cells = read_cells(store)
    records = {name: RunRecord(run_directory(store, name)) for name in dict.fromkeys(cell["run"] for cell in cells)}
    runs, damaged = whole_runs(records.values())
    reasons = {name: on_one_line(str(own.state.reason)) for name, own in records.items() if own.state.name == "failed"}
    failed = {_row_and_seed(cell): reasons[cell["run"]] for cell in cells if cell["run"] in reasons}
    asked = frozenset(map(_row_and_seed, cells))
    return Results(results_frame(cells, runs), runs, tuple(damaged), str(store), failed, asked)


def _row_and_seed(cell: Mapping[str, Any]) -> Cell:
    return cell["table"], cell["scale"], cell["task"], cell["variant"], cell["seed"]


def results_frame(cells: Iterable[Mapping[str, Any]], runs: Mapping[str, RunRecord]) -> "pd.DataFrame":
    """The results frame of those cells whose runs are there, and measured numbers of their tables.

    What a training measures is no number of a table whose numbers a test server tells.
    """
    import pandas as pd

    judged = {study.table for study in STUDIES.values() if study.submission}
    rows = [
        {**cell, "metric": metric, "value": value, "unit": unit(metric)}
        for cell in cells
        if cell["run"] in runs and cell["table"] not in judged
        for metric, value in runs[cell["run"]].metrics.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def whole_runs(records: Iterable[RunRecord]) -> tuple[dict[str, RunRecord], list[str]]:
    """The finished runs that are whole by name, and what is wrong with the others."""
    runs, damaged = {}, []
    for record in records:
        if record.fault:
            damaged.append(f"Left out: {record.fault}")
        elif record.state.name == "done":
            try:
                record.require_whole()
            except InputError as error:
                damaged.append(f"Left out: {error}")
            else:
                runs[record.name] = record
    return runs, damaged


def joined(parts: Sequence[Results]) -> Results:
    """Several results as one. A run that several have is the first's, unless that keeps numbers alone.

    Raises:
        InputError: one run has other numbers in two of them, or a row has two runs for one seed.
    """
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    runs: dict[str, RunRecord] = {}
    places: dict[str, str] = {}
    for part in parts:
        for name, run in part.runs.items():
            if name not in runs:
                runs[name], places[name] = run, part.place
                continue
            if run.metrics != runs[name].metrics:
                raise InputError(
                    f"{places[name]} and {part.place} have other numbers for the run {name}; keep them apart, or "
                    "leave it out of one of them."
                )
            if run.recorded and not runs[name].recorded:
                runs[name] = run
    frame = pd.concat([part.frame for part in parts if not part.frame.empty] or [parts[0].frame], ignore_index=True)
    frame = frame.drop_duplicates([*CELL, "metric"], ignore_index=True)
    place = " and ".join(dict.fromkeys(part.place for part in parts))
    require_one_run_per_seed(frame, place)
    damaged = tuple(sentence for part in parts for sentence in part.damaged)
    failed = {cell: reason for part in parts for cell, reason in part.failed.items()}
    return Results(frame, runs, damaged, place, failed, frozenset().union(*(part.asked for part in parts)))


def one_run_each(results: "pd.DataFrame", runs: Mapping[str, RunRecord]) -> "pd.DataFrame":
    """A line for each row and seed of a results frame: that of its training, where it has one.

    A training may be evaluated once more for a metric that it does not measure itself.

    Args:
        results: a results frame, or part of one.
        runs: its runs by name.
    """
    again = results["run"].map(lambda name: runs[name].source is not None)
    first = results.assign(again=again).sort_values("again", kind="stable").drop_duplicates([*ROW, "seed"])
    return first.drop(columns="again").sort_index()


def require_one_run_per_seed(results: "pd.DataFrame", place: str) -> None:
    """See that no metric of a row has two different values or runs for one seed: they may not be averaged.

    Args:
        results: a results frame, or part of one.
        place: the store or file that it is of, for the sentence.

    Raises:
        InputError: a row has.
    """
    for (table, scale, task, variant, seed), own in results.groupby([*ROW, "seed"]):
        if own.drop_duplicates(["metric", "value", "run"])["metric"].duplicated().any():
            runs = sorted(set(map(str, own["run"])))
            raise InputError(
                f"{place} holds several runs of {table} '{variant}' ({task}, {scale}), seed {seed}: "
                f"{' and '.join(runs)}, made from different configs; remove all but one, or keep them apart with "
                "--store."
            )
