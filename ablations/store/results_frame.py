"""The results frame: every metric of every finished run, one a row, under the names of the tables that it fills."""

from pathlib import Path
from typing import TYPE_CHECKING

from ablations.store.runs import read_cells, read_metrics, read_state, run_directory

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
FRACTIONS = ("fg_", "bg_")  # beginnings of the metrics that the paper too gives as fractions


def results_frame(store: Path) -> "pd.DataFrame":
    """All results of a store, columns ``COLUMNS``, values in their ``unit``.

    A run that fills rows of several tables appears under each. Runs that are not done do not appear.

    Raises:
        InputError: there is no store.
    """
    import pandas as pd

    cells = read_cells(store)
    metrics = {name: _metrics_if_done(run_directory(store, name)) for name in {cell["run"] for cell in cells}}
    rows = [
        {**cell, "metric": metric, "value": value, "unit": unit(metric)}
        for cell in cells
        for metric, value in metrics[cell["run"]].items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def unit(metric: str) -> str:
    """``fraction`` for shares of attention mass, ``%`` for all else."""
    return "fraction" if metric.startswith(FRACTIONS) else "%"


def _metrics_if_done(directory: Path) -> dict[str, float]:
    return (read_metrics(directory) or {}) if read_state(directory).name == "done" else {}
