"""The results frame: every metric of every finished run, one a row, under the names of the tables that it fills."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablations.metric_names import unit
from ablations.store.run_record import RunRecord
from ablations.store.runs import read_cells, run_directory
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


@dataclass(frozen=True)
class Results:
    """What a store's finished runs measured.

    Attributes:
        frame: columns ``COLUMNS``, values in their ``unit``; a run that fills rows of several tables is under each.
        runs: the runs of the frame by name.
        damaged: a sentence for each run that says it is done and is left out because a file of it is damaged.
    """

    frame: "pd.DataFrame"
    runs: dict[str, RunRecord]
    damaged: tuple[str, ...]


def read_results(store: Path) -> Results:
    """All results of a store. Runs that are not done are left out.

    Raises:
        InputError: there is no store.
    """
    import pandas as pd

    cells = read_cells(store)
    runs, damaged = _whole(run_directory(store, name) for name in dict.fromkeys(cell["run"] for cell in cells))
    rows = [
        {**cell, "metric": metric, "value": value, "unit": unit(metric)}
        for cell in cells
        if cell["run"] in runs
        for metric, value in runs[cell["run"]].metrics.items()
    ]
    return Results(pd.DataFrame(rows, columns=list(COLUMNS)), runs, tuple(damaged))


def _whole(directories: Iterable[Path]) -> tuple[dict[str, RunRecord], list[str]]:
    """The finished runs that are whole, and what is wrong with the others."""
    runs, damaged = {}, []
    for directory in directories:
        record = RunRecord(directory)
        if record.fault:
            damaged.append(f"Left out: {record.fault}")
        elif record.state.name == "done":
            try:
                record.require_whole()
            except InputError as error:
                damaged.append(f"Left out: {error}")
            else:
                runs[directory.name] = record
    return runs, damaged


def require_one_run_per_seed(results: "pd.DataFrame", place: str) -> None:
    """See that no row of a results frame has two different values for one seed: they may not be averaged.

    Args:
        results: a results frame, or part of one.
        place: the store or file that it is of, for the sentence.

    Raises:
        InputError: a row has.
    """
    for (table, scale, task, variant, seed), own in results.groupby([*ROW, "seed"]):
        runs = sorted(set(map(str, own["run"])))
        if len(runs) > 1 or own.drop_duplicates(["metric", "value"])["metric"].duplicated().any():
            raise InputError(
                f"{place} holds several runs of {table} '{variant}' ({task}, {scale}), seed {seed}: "
                f"{' and '.join(runs)}, made from different configs; remove all but one, or keep them apart with "
                "--store."
            )
