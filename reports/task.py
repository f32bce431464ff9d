"""What a report says of one task of a table: its rows, verdicts, figures, samples, every metric and every run."""

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

import pandas as pd

from ablations.comparing.beside_paper import BASELINE
from ablations.comparing.statistics import CONFIDENCE
from ablations.reports import figures, samples
from ablations.reports.own_rows import own_answer
from ablations.reports.paper_figures import PAPER_FIGURES
from ablations.reports.question_figures import QUESTION_FIGURES
from ablations.reports.section import Section, metric_of
from ablations.reports.text import (
    DATASET_NAMES,
    bounds,
    duration,
    file_stem,
    listing,
    metric_name,
    number,
    printer,
    row_name,
    signed,
    signed_with_bounds,
    with_interval,
)
from ablations.reports.verdicts import WITHIN_NOISE, other_directions, tally, verdict_word
from ablations.store.results_frame import one_run_each
from ablations.store.run_record import RunRecord
from ablations.studies.study import Study

PAIRING = (
    "Rows have other seeds than the baseline: a difference and its interval are over those that both have, and so is "
    "not that of the two means."
)
OWN_FIGURES = {**PAPER_FIGURES, **QUESTION_FIGURES}


def task_content(section: Section, task: str, runs: Mapping[str, RunRecord]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The task's words and numbers as the templates show them, and the files they name."""
    metric = metric_of(section, task)
    comparison = section.comparison[section.comparison["task"] == task]
    primary = comparison[comparison["metric"] == metric]
    results = section.results[section.results["task"] == task]
    trained = one_run_each(results, runs)
    figure_entries, files = _figures(section, task, metric, comparison, trained, runs)
    gallery, gallery_files = _gallery(section.study, trained, runs)
    data = {
        "task": task,
        "metric": metric_name(metric),
        "dataset": _datasets(results),
        "paper_dataset": _datasets(section.paper[section.paper["task"] == task]) or "no numbers",
        "printer": printer(section.study),
        "pairing": PAIRING if _seeds_differ(primary) else "",
        "own_answer": own_answer(section, task),
        "rows": [_row(row, results, runs) for row in comparison.to_dict("records")],
        "tally": tally(primary),
        "other_directions": other_directions(primary),
        "figures": figure_entries,
        "gallery": gallery,
        "measured": _measured(section.study, results),
        "runs": [
            _run(run, runs[run["run"]], results, metric)
            for run in results.drop_duplicates(["variant", "run"]).to_dict("records")
        ],
    }
    return data, files | gallery_files


def _seeds_differ(rows: pd.DataFrame) -> bool:
    """Whether a row that was run has other seeds than the baseline."""
    run = rows[(rows["pairs"] > 0) | (rows["verdict"] == BASELINE)]
    return bool((run["n"] != run["pairs"])[run["verdict"] != BASELINE].any() or run["n"].nunique() > 1)


def _datasets(rows: pd.DataFrame) -> str:
    pairs = rows[["dataset", "split"]].drop_duplicates().itertuples(index=False)
    return listing([f"{DATASET_NAMES.get(dataset, dataset)} {split}" for dataset, split in pairs])


def _row(row: Mapping[Any, Any], results: pd.DataFrame, runs: Mapping[str, RunRecord]) -> dict[str, Any]:
    baseline, unit = row["verdict"] == BASELINE, row["unit"]
    # A metric that is not measured yet has no run; its row tells how long the row's other runs took.
    own = results[results["variant"] == row["variant"]]
    measured = own[own["metric"] == row["metric"]]
    names = (own if measured.empty else measured)["run"].unique()
    seconds = [taken for name in names if (taken := runs[name].seconds.get("total"))]
    return {
        "variant": row["variant"],
        "name": row_name(row["variant"], baseline),
        "metric": metric_name(row["metric"]),
        "baseline": baseline,
        "paper": number(row["paper"], unit),
        "ours": with_interval(row["ours"], row["high"], unit) if row["n"] else "not run",
        "n": row["n"],
        "paper_difference": ""
        if baseline
        else signed(row["paper_difference"], unit) + (WITHIN_NOISE if row["within_paper_noise"] else ""),
        "difference": ""
        if baseline
        else signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], unit)
        + _over_images(row, unit),
        "verdict": verdict_word(row),
        "visible": "" if baseline else number(row["visible"], unit),
        "provenance": row["provenance"],
        # Not the mean: a machine that did other work for a while makes a run take many times as long.
        "time": duration(median(seconds) if seconds else math.nan),
        "values": {
            key: None if math.isnan(row[key]) else row[key]
            for key in ("paper", "ours", "paper_difference", "difference", "visible")
        },
    }


def _over_images(row: Mapping[Any, Any], unit: str) -> str:
    """Of one seed, what the images tell of its two models."""
    if row["pairs"] != 1 or math.isnan(row["images_low"]):
        return ""
    return f", images {bounds(row['images_low'], row['images_high'], unit)}"


def _figures(
    section: Section,
    task: str,
    metric: str,
    comparison: pd.DataFrame,
    trained: pd.DataFrame,
    runs: Mapping[str, RunRecord],
) -> tuple[list[dict[str, str]], dict[str, bytes]]:
    histories = {
        variant: [runs[run].history for run in trained.loc[trained["variant"] == variant, "run"]]
        for variant in dict.fromkeys(comparison["variant"])
    }
    name, intervals = metric_name(metric), interval_words(comparison, metric)
    printed = comparison.loc[comparison["metric"] == metric, "paper_difference"].notna().any()
    paper = "the paper's, and " if printed else ""
    drawn = [
        (
            "differences",
            f"Difference from the baseline in {name}: {paper}ours {intervals}.",
            figures.difference_figure(comparison, metric),
        ),
        (
            "convergence",
            f"{name} during training: {_band_words(histories)}.",
            figures.convergence_figure(histories, metric, section.study.baseline),
        ),
    ]
    if section.study.table in OWN_FIGURES:
        caption, draw = OWN_FIGURES[section.study.table]
        drawn = [("figure", caption, draw(section, task, metric, runs)), *drawn]
    entries: list[dict[str, str]] = []
    files: dict[str, bytes] = {}
    for kind, caption, vectors in drawn:
        if vectors is not None:
            stem = f"figures/{file_stem(section.study.table, section.scale, task, kind)}"
            entries.append({"stem": stem, "caption": f"{caption} {section.scale.capitalize()} scale."})
            files |= {f"{stem}.{suffix}": content for suffix, content in vectors.items()}
    return entries, files


def interval_words(comparison: pd.DataFrame, metric: str) -> str:
    """What a figure shows of the intervals of our differences: where nothing tells a spread there is none."""
    rows = comparison[(comparison["metric"] == metric) & (comparison["verdict"] != BASELINE)]
    known = rows["difference_low"].notna().any()
    return f"with its {CONFIDENCE:.0%} interval" if known else "with one seed and nothing that tells its spread"


def _band_words(histories: Mapping[str, list[Any]]) -> str:
    several = any(len(of_design) > 1 for of_design in histories.values())
    return "mean over seeds, with a band from the lowest to the highest seed" if several else "one seed"


def _gallery(
    study: Study, trained: pd.DataFrame, runs: Mapping[str, RunRecord]
) -> tuple[dict[str, Any] | None, dict[str, bytes]]:
    """Predictions of every design with the first seed; None when no run kept samples."""
    seed = int(trained["seed"].min())
    run_of = trained[trained["seed"] == seed].set_index("variant")["run"]
    of_designs = {
        variation.name: runs[run_of[variation.name]] for variation in study.variations if variation.name in run_of
    }
    rows, files = samples.gallery(of_designs)
    return ({"seed": seed, "designs": list(of_designs), "rows": rows} if rows else None), files


def _measured(study: Study, results: pd.DataFrame) -> dict[str, Any]:
    """Every metric of every design, mean over seeds."""
    means = results.pivot_table(index="variant", columns="metric", values="value", aggfunc="mean", sort=False)
    units = dict(zip(results["metric"], results["unit"], strict=True))
    values = means.to_dict("index")
    names = [variation.name for variation in study.variations if variation.name in values]
    return {
        "metrics": list(map(metric_name, means.columns)),
        "rows": [
            {"variant": name, "cells": [number(values[name][metric], units[metric]) for metric in means.columns]}
            for name in names
        ],
    }


def _run(row: Mapping[Any, Any], run: RunRecord, results: pd.DataFrame, metric: str) -> dict[str, Any]:
    of_run = (results["run"] == row["run"]) & (results["variant"] == row["variant"])
    values = results[of_run & (results["metric"] == metric)].to_dict("records")
    return {
        "run": row["run"],
        "evaluates": run.source or "",
        "variant": row["variant"],
        "seed": int(row["seed"]),
        "value": number(values[0]["value"], values[0]["unit"]) if values else number(math.nan),
        "times": {part: duration(seconds) for part, seconds in run.seconds.items()},
    }
