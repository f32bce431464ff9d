"""A table in the paper's own shape: a row a design, AP, PQ, mIoU and costs, the paper's beside ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ablations.comparing.beside_paper import BASELINE
from ablations.costs.counted import ROW, UNITS, CostRow
from ablations.metric_names import lower_is_better
from ablations.reports.cost_rows import NAMES
from ablations.reports.section import Section
from ablations.reports.text import DASH, metric_name, number, printer, row_name, signed

TASKS = ("instance", "panoptic", "semantic")  # in the paper's order: AP, PQ, mIoU
PRINTED_COSTS = ("flops", "params", "memory")
EMPTY = {"value": DASH, "difference": "", "best": False, "verdict": "", "task": ""}


def paper_table(section: Section, costs: Sequence[CostRow]) -> dict[str, Any]:
    """The table's ``columns`` of ``{title, sides}``, and ``rows`` of ``{name, variant, baseline, cells}``.

    A column is a task's primary metric, what a second evaluation adds to it, or a cost that the paper prints. Its
    ``sides`` are 'paper' ('others' of what came after it) and 'ours', as far as there is any number; of a cost 'paper'
    and 'counted', which is counted as the paper counts. A row has one cell for each side of each column, ``{value,
    difference, best, verdict, task}``, the last of what our runs measured; the differences are from the baseline, in
    cells that are ``compared``, a flag for each cell of a row.
    """
    columns = [
        column for task in TASKS for metric in _metrics(section, task) for column in _accuracy(section, task, metric)
    ]
    columns += [column for metric in PRINTED_COSTS for column in _cost(section, costs, metric)]
    rows = [
        {
            "name": row_name(variation.name, variation.name == section.study.baseline),
            "variant": variation.name,
            "baseline": variation.name == section.study.baseline,
            "cells": [cells.get(variation.name, EMPTY) for column in columns for cells in column["sides"].values()],
        }
        for variation in section.study.variations
    ]
    return {
        "columns": [{"title": column["title"], "sides": list(column["sides"])} for column in columns],
        "compared": [column["compared"] for column in columns for _ in column["sides"]],
        "rows": rows,
    }


def _metrics(section: Section, task: str) -> list[str]:
    """The metrics of a task that have a column of their own."""
    rows = section.comparison[section.comparison["task"] == task]
    again = section.study.evaluated_again(task)
    return [*rows["metric"].iloc[:1], *([again.adds] if again and again.adds else [])]


def _accuracy(section: Section, task: str, metric: str) -> list[dict[str, Any]]:
    """The column of a metric, its cells by side and design; none without a number."""
    comparison = section.comparison
    rows = comparison[(comparison["task"] == task) & (comparison["metric"] == metric)]
    sides = {
        side: _cells(rows, value, difference, ours=value == "ours")
        for side, value, difference in (
            (printer(section.study).lower(), "paper", "paper_difference"),
            ("ours", "ours", "difference"),
        )
        if rows[value].notna().any()
    }
    return [{"title": metric_name(metric), "sides": sides, "compared": True}] if sides else []


def _cells(rows: pd.DataFrame, value: str, difference: str, ours: bool) -> dict[str, dict[str, Any]]:
    metric, unit = rows["metric"].iloc[0], rows["unit"].iloc[0]
    printed = {row["variant"]: number(row[value], unit) for row in rows.to_dict("records")}
    best = rows[value].min() if lower_is_better(metric) else rows[value].max()
    return {
        row["variant"]: {
            "value": printed[row["variant"]],
            "difference": _difference(row, difference),
            # What is printed alike is as good; one number alone is no best.
            "best": int(rows[value].count()) > 1 and printed[row["variant"]] == number(best, unit),
            "verdict": row["verdict"] if ours and row["verdict"] != BASELINE else "",
            "task": row["task"] if ours else "",
        }
        for row in rows.to_dict("records")
    }


def _difference(row: Mapping[Any, Any], key: str) -> str:
    return "" if row["verdict"] == BASELINE or pd.isna(row[key]) else signed(row[key], row["unit"])


def _cost(section: Section, costs: Sequence[CostRow], metric: str) -> list[dict[str, Any]]:
    """The column of a cost; none where the paper prints it for no row."""
    counted = {tuple(row.identity[name] for name in ROW): row for row in costs if row.metric == metric}
    of_design = {
        variation.name: counted[key]
        for variation in section.study.variations
        if (key := (section.study.table, variation.paper_row, variation.method, variation.backbone)) in counted
    }
    if all(row.paper is None for row in of_design.values()):
        return []
    sides = {
        "paper": {name: _plain(f"{row.paper:g}") for name, row in of_design.items() if row.paper is not None},
        "counted": {name: _plain(number(row.value, UNITS[metric])) for name, row in of_design.items()},
    }
    return [{"title": f"{NAMES[metric]}, {UNITS[metric]}", "sides": sides, "compared": False}]


def _plain(value: str) -> dict[str, Any]:
    return {**EMPTY, "value": value}
