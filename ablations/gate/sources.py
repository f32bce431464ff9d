"""Whatever a report is made of: stores, packed stores, results frames as CSV, and baseline files; several as one."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ablations.gate.baseline_file import TableRow, read_baseline_file
from ablations.metric_names import LOSSES, unit
from ablations.planning.plan import config_of_scale
from ablations.planning.scales import scale_of_m2f
from ablations.store.packed import NumbersOfRun
from ablations.store.results_frame import COLUMNS, Results, joined
from ablations.store.run_record import RunRecord
from ablations.store.sources import read_source
from ablations.studies import STUDIES
from m2f.errors import InputError


def read_all(paths: Sequence[Path]) -> Results:
    """The results of several sources as one.

    Raises:
        InputError: one of them cannot be read, or they contradict each other.
    """
    return joined([_read(path) for path in dict.fromkeys(paths)])


def _read(path: Path) -> Results:
    """A directory and a CSV file are what they are; any other file is a baseline."""
    return results_of_baseline(path) if path.is_file() and path.suffix != ".csv" else read_source(path)


def results_of_baseline(path: Path) -> Results:
    """A baseline's metrics as results. Its runs are named by what they measured, since it names none.

    Raises:
        InputError: the file is no baseline.
    """
    import pandas as pd

    by_run: dict[tuple[TableRow, int], dict[str, float]] = {}
    for (row, metric), values in read_baseline_file(path).evidence.metrics.items():
        if metric not in LOSSES:
            for seed, value in values.items():
                by_run.setdefault((row, seed), {})[metric] = value
    runs: dict[str, RunRecord] = {}
    lines = []
    for (row, seed), metrics in by_run.items():
        measured = json.dumps([row.scale, row.task, seed, sorted(metrics.items())])
        name = hashlib.sha256(measured.encode()).hexdigest()[:16]
        cell = {**row._asdict(), **_design(row), **_data(row.scale, row.task), "seed": seed, "run": name}
        runs[name] = NumbersOfRun(path / name, cell, metrics)
        lines += [{**cell, "metric": metric, "value": value, "unit": unit(metric)} for metric, value in metrics.items()]
    return Results(pd.DataFrame(lines, columns=list(COLUMNS)), runs, (), str(path))


def _design(row: TableRow) -> dict[str, str]:
    """Method and backbone of a row, if it is one that this version of m2f knows."""
    rows = STUDIES[row.table].variations if row.table in STUDIES else ()
    known = next((variation for variation in rows if variation.name == row.variant), None)
    return {"method": known.method, "backbone": known.backbone} if known else {"method": "", "backbone": ""}


@cache
def _data(scale: str, task: str) -> dict[str, Any]:
    """Data set and split of a scale, if it is one that this version of m2f knows."""
    known = scale_of_m2f(scale)
    try:
        config = config_of_scale(known, task).config if known else None
    except InputError:
        config = None
    if not config:
        return {"dataset": "unknown data", "split": ""}
    return {"dataset": config["dataset_name"], "split": config["split"]}
