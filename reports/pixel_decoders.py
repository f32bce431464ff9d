"""The pixel decoders of Table 4(e) on one page: accuracy in every task, costs and speed, beside the paper's numbers."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from ablations.comparing.statistics import mean_interval
from ablations.comparing.verdicts import NOT_RUN
from ablations.costs.counted import ROW, UNITS, CostRow
from ablations.metric_names import unit
from ablations.reports.pixel_decoder_figure import accuracy_against_flops
from ablations.reports.section import Section, changes, imports, metric_of, missing
from ablations.reports.task import interval_words
from ablations.reports.text import DASH, file_stem, import_flags, listing, number, with_interval
from ablations.store.run_record import RunRecord

TABLE = "4e"
BY_SIZE = ("AP_s", "AP_m", "AP_l")
MEASURES = {"flops": "FLOPs", "params": "parameters", "memory": "training memory"}
NOTE = (
    "Accuracy is the mean over seeds with half of its interval. FLOPs, parameters and training memory an image are "
    "those of the paper's scale: the paper's, as the reference computes, and as m2f computes the same. A dash is a "
    "number that is not there: the paper prints none, or no object has the size."
)


def pixel_decoders(
    section: Section, runs: Mapping[str, RunRecord], costs: Sequence[CostRow], store: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The page's words and numbers, and the figures that it names; `section` is Table 4(e) at one scale.

    `lines` are `{group, measure, source, cells}` with one cell a design.
    """
    counted = _counted(section, costs)
    lines = [*_accuracy(section), *_costs(section, counted), *_speed(section, runs)]
    figures, files = _figures(section, counted)
    overrides = [change for change, where in changes(section, runs).items() if not where]
    data = {
        "anchor": f"pixel-decoders-{section.scale}",
        "title": "Pixel decoders compared",
        "scale": section.scale,
        "note": f"{NOTE} {_time_note(section, runs)}",
        "designs": _designs(section),
        "lines": [line for line in lines if set(line["cells"]) != {DASH}],
        "figures": figures,
        "missing": [
            *(gap for task in section.study.tasks for gap in missing(section, task, overrides, store)),
            *_missing_costs(section, counted),
        ],
    }
    return data, files


def _designs(section: Section) -> list[str]:
    return [variation.name for variation in section.study.variations]


def _line(group: str, measure: str, source: str, cells: list[str]) -> dict[str, Any]:
    return {"group": group, "measure": measure, "source": source, "cells": cells}


def _accuracy(section: Section) -> list[dict[str, Any]]:
    """Each task's metric, the paper's numbers above ours, and AP by size."""
    lines = []
    for task in section.study.tasks:
        metric = metric_of(section, task)
        rows = _compared(section, task, metric)
        lines += [
            _line(f"Accuracy, {task}", metric, "paper", [number(row["paper"], row["unit"]) for row in rows]),
            _line(f"Accuracy, {task}", metric, f"ours, {section.scale}", [_ours(row) for row in rows]),
            *(_by_size(section) if task == "instance" else []),
        ]
    return lines


def _compared(section: Section, task: str, metric: str) -> list[dict[Any, Any]]:
    comparison = section.comparison
    return comparison[(comparison["task"] == task) & (comparison["metric"] == metric)].to_dict("records")


def _ours(row: Mapping[Any, Any]) -> str:
    return with_interval(row["ours"], row["high"], row["unit"]) if row["n"] else NOT_RUN


def _by_size(section: Section) -> list[dict[str, Any]]:
    results = section.results[section.results["task"] == "instance"]
    designs = _designs(section)
    source = f"ours, {section.scale}"
    return [
        _line("Accuracy, instance", size, source, [_mean(results, name, size) for name in designs]) for size in BY_SIZE
    ]


def _mean(results: pd.DataFrame, design: str, metric: str) -> str:
    of_design = results[results["variant"] == design]
    if of_design.empty:
        return NOT_RUN
    values = mean_interval(of_design.loc[of_design["metric"] == metric, "value"].dropna().tolist())
    return with_interval(values.mean, float("nan") if values.high is None else values.high, unit(metric))


def _counted(section: Section, costs: Sequence[CostRow]) -> dict[tuple[str, str], CostRow]:
    """The paper's scale's costs by design and metric."""
    found = {(*(row.identity[name] for name in ROW), row.metric): row for row in costs}
    return {
        (variation.name, metric): found[key]
        for variation in section.study.variations
        for name in MEASURES
        for metric in (name, f"{name}_ours")
        if (key := (TABLE, variation.paper_row, variation.method, variation.backbone, metric)) in found
    }


def _costs(section: Section, counted: Mapping[tuple[str, str], CostRow]) -> list[dict[str, Any]]:
    lines = []
    for metric in MEASURES:
        measure = f"{MEASURES[metric]}, {UNITS[metric]}"
        rows = [counted.get((name, metric)) for name in _designs(section)]
        own = [counted.get((name, f"{metric}_ours")) for name in _designs(section)]
        if any(row is not None and row.paper is not None for row in rows):
            paper = [DASH if row is None or row.paper is None else f"{row.paper:g}" for row in rows]
            lines.append(_line("Cost at the paper's scale", measure, "paper", paper))
        lines.append(_line("Cost at the paper's scale", measure, "reference", [_cost(row, metric) for row in rows]))
        if any(own):
            lines.append(_line("Cost at the paper's scale", measure, "m2f", [_cost(row, metric) for row in own]))
    return lines


def _cost(row: CostRow | None, metric: str) -> str:
    return number(row.value, UNITS[metric]) if row else "not counted"


def _missing_costs(section: Section, counted: Mapping[tuple[str, str], CostRow]) -> list[dict[str, str]]:
    lacking: dict[str, list[str]] = {}
    for metric in MEASURES:
        names = [name for name in _designs(section) if (name, metric) not in counted]
        if names:
            lacking.setdefault(listing(names), []).append(MEASURES[metric])
    command = " ".join(["m2f cost", TABLE, *import_flags(imports(section.study))])
    return [
        {"text": f"Not among the counted costs: {listing(metrics)} of {names}", "command": command}
        for names, metrics in lacking.items()
    ]


def _speed(section: Section, runs: Mapping[str, RunRecord]) -> list[dict[str, Any]]:
    """Seconds of a training iteration over the baseline's, in runs of the same task and seed."""
    seconds = _seconds(section, runs)
    cells = []
    for name in _designs(section):
        ratios = [
            value / seconds[section.study.baseline, task, seed]
            for (design, task, seed), value in seconds.items()
            if design == name and (section.study.baseline, task, seed) in seconds
        ]
        cells.append(_ratio(ratios))
    source = f"ours, {section.scale}"
    return [_line("Training time", f"iteration, of {section.study.baseline}'s", source, cells)]


def _ratio(ratios: list[float]) -> str:
    if not ratios:
        return NOT_RUN
    low, high = f"{min(ratios):.2f}", f"{max(ratios):.2f}"
    return f"{median(ratios):.2f}" + (f" ({low}\N{EN DASH}{high})" if low != high else "")


def _seconds(section: Section, runs: Mapping[str, RunRecord]) -> dict[tuple[str, str, int], float]:
    """Seconds of a training iteration, without data and evaluation, by design, task and seed."""
    cells = section.results[["variant", "task", "seed", "run"]].drop_duplicates()
    return {
        (variant, task, int(seed)): runs[run].seconds["train"] / runs[run].history[-1]["iteration"]
        for variant, task, seed, run in cells.itertuples(index=False)
        if runs[run].history and "train" in runs[run].seconds
    }


def _time_note(section: Section, runs: Mapping[str, RunRecord]) -> str:
    baseline = section.study.baseline
    own = [value for (design, _, _), value in _seconds(section, runs).items() if design == baseline]
    taken = f", which takes {median(own):.2g} s with {baseline}" if own else ""
    return (
        f"Training time is the wall time of a training iteration{taken}, median ratio of runs of the same task and "
        f"seed (lowest to highest): of this machine, of the {section.scale} scale, and of whatever else the machine "
        "did."
    )


def _figures(
    section: Section, counted: Mapping[tuple[str, str], CostRow]
) -> tuple[list[dict[str, str]], dict[str, bytes]]:
    """Accuracy against FLOPs for each task that was run."""
    entries: list[dict[str, str]] = []
    files: dict[str, bytes] = {}
    flops = {name: counted[name, "flops"].value for name in _designs(section) if (name, "flops") in counted}
    for task in section.study.tasks:
        metric = metric_of(section, task)
        compared = pd.DataFrame(_compared(section, task, metric))
        vectors = accuracy_against_flops(compared, flops, metric)
        if vectors is not None:
            stem = f"figures/{file_stem('pixel-decoders', section.scale, task)}"
            caption = (
                f"Difference from {section.study.baseline} in {metric} against the FLOPs of the paper's scale: the "
                f"paper's, and ours at {section.scale} scale {interval_words(compared, metric)}."
            )
            entries.append({"stem": stem, "caption": caption})
            files |= {f"{stem}.{suffix}": content for suffix, content in vectors.items()}
    return entries, files
