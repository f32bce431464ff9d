"""Rows of several tables that are the same runs: each has the seeds of all of them."""

from collections.abc import Hashable

import pandas as pd

from ablations.store.results_frame import COLUMNS, ROW

BORROWED = "borrowed"
OWN = [*ROW, "method", "backbone"]  # the columns by which one run's lines differ between tables
Row = tuple[Hashable, ...]


def with_shared_seeds(results: pd.DataFrame) -> pd.DataFrame:
    """A results frame in which each row has all seeds of the design that it is, wherever they stand.

    Runs of one name are one design, which so has one mean and one interval in all tables. A row gets the seeds that it
    lacks from those that share a run with it, by the metrics that it has.

    Args:
        results: a results frame.

    Returns:
        It, and behind it the lines that were added, which ``borrowed`` tells apart.
    """
    own = results[list(COLUMNS)].assign(**{BORROWED: False})
    runs = {key: set(of["run"]) for key, of in own.groupby(OWN, sort=False)}
    groups = _groups(runs)
    whole = {id(group): own[own["run"].isin(group)] for group in groups.values()}
    added = [_borrowed(key, of, whole[id(groups[key])]) for key, of in own.groupby(OWN, sort=False)]
    return pd.concat([own, *(lines for lines in added if len(lines))], ignore_index=True)


def _groups(runs: dict[Row, set[str]]) -> dict[Row, set[str]]:
    """By row, all runs of its design: its own, and those of all rows that share one with them."""
    group_of: dict[str, set[str]] = {}
    for own in runs.values():
        whole = own.union(*(group_of[run] for run in own if run in group_of))
        group_of |= dict.fromkeys(whole, whole)
    return {key: group_of[next(iter(own))] for key, own in runs.items()}


def _borrowed(key: Row, own: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """The lines of a design's runs with other seeds than a row's own, as lines of the row."""
    lacking = whole[~whole["seed"].isin(own["seed"]) & whole["metric"].isin(own["metric"])]
    once = lacking.drop_duplicates(["seed", "metric", "run"])
    return once.assign(**dict(zip(OWN, map(str, key), strict=True)), **{BORROWED: True})
