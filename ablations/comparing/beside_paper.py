"""Our results beside the paper's: one tidy comparison frame per (table, scale)."""

import math

import pandas as pd

from ablations.comparing.statistics import Estimate, mean_interval, paired_difference, verdict
from ablations.metric_names import COST_METRICS, primary_metric, unit
from ablations.store.results_frame import require_one_run_per_seed
from ablations.studies.study import Study, Variation

BASELINE = "baseline"

COLUMNS = [
    "table",
    "scale",
    "variant",
    "task",
    "metric",
    "unit",
    "paper",
    "ours",
    "low",
    "high",
    "n",
    "seeds",
    "paper_difference",
    "difference",
    "difference_low",
    "difference_high",
    "pairs",
    "verdict",
    "provenance",
]


def comparison_frame(results: pd.DataFrame, paper: pd.DataFrame, study: Study, scale: str) -> pd.DataFrame:
    """Lay the results of one study at one scale beside the paper's numbers.

    One row for each variation, task and metric that the paper gives for the study (the primary metric always and
    first), in the study's order, whether or not it has been run. The paper's numbers are those of the variation's
    `paper_row`, `method` and `backbone`. `ours, low, high` are the mean over seeds and its 95% interval, `n` the number
    of `seeds` (space-separated); differences are from the study's baseline, ours paired by seed over `pairs` seeds.
    Numbers that do not exist are NaN. `verdict` is the word 'baseline' in the baseline's rows.

    Raises InputError when two different runs of one variation share task and seed, since they may not be averaged.
    """
    ours = results[(results["table"] == study.table) & (results["scale"] == scale)]
    require_one_run_per_seed(ours, "the store")
    numbers = _paper_numbers(paper, study)
    measured = ours["metric"].unique()
    baseline = next(variation for variation in study.variations if variation.name == study.baseline)
    rows = []
    for task in study.tasks:
        for metric in _metrics(numbers, task, primary_metric(study, task, measured)):
            baseline_values = _values_by_seed(ours, baseline, task, metric)
            baseline_paper = numbers.get((baseline.name, task, metric), math.nan)
            for variation in study.variations:
                values = _values_by_seed(ours, variation, task, metric)
                paper_value = numbers.get((variation.name, task, metric), math.nan)
                paper_difference = paper_value - baseline_paper
                differences = paired_difference(values, baseline_values)
                is_baseline = variation.name == study.baseline
                rows.append(
                    {
                        "table": study.table,
                        "scale": scale,
                        "variant": variation.name,
                        "task": task,
                        "metric": metric,
                        "unit": unit(metric),
                        "paper": paper_value,
                        **_bounds(mean_interval(list(values.values())), "ours", "low", "high", "n"),
                        "seeds": " ".join(map(str, sorted(values))),
                        "paper_difference": paper_difference,
                        **_bounds(
                            mean_interval(differences), "difference", "difference_low", "difference_high", "pairs"
                        ),
                        "verdict": BASELINE if is_baseline else verdict(paper_difference, differences),
                        "provenance": variation.provenance,
                    }
                )
    return pd.DataFrame(rows, columns=COLUMNS)


def _paper_numbers(paper: pd.DataFrame, study: Study) -> dict[tuple[str, str, str], float]:
    """The paper's accuracy numbers of a study by (name of our row, task, metric)."""
    of_table = paper[(paper["table"] == study.table) & ~paper["metric"].isin(COST_METRICS)]
    numbers: dict[tuple[str, str, str], float] = {}
    for variation in study.variations:
        same = (
            (of_table["variant"] == variation.paper_row)
            & (of_table["method"] == variation.method)
            & (of_table["backbone"] == variation.backbone)
        )
        for row in of_table[same].to_dict("records"):
            key = (variation.name, row["task"], row["metric"])
            if key in numbers:
                raise ValueError(f"the paper's table {study.table} gives several numbers for {', '.join(key)}")
            numbers[key] = float(row["value"])
    return numbers


def _metrics(numbers: dict[tuple[str, str, str], float], task: str, primary: str) -> list[str]:
    """The task's primary metric, then whatever else the paper gives for the task, in the paper's order."""
    return list(dict.fromkeys([primary, *(metric for _, of_task, metric in numbers if of_task == task)]))


def _values_by_seed(results: pd.DataFrame, variation: Variation, task: str, metric: str) -> dict[int, float]:
    """Values of one row by seed; an undefined value (NaN: say, AP of a size that no object has) counts as no value."""
    chosen = results[
        (results["variant"] == variation.name)
        & (results["task"] == task)
        & (results["metric"] == metric)
        & results["value"].notna()
    ]
    return dict(zip(chosen["seed"].astype(int), chosen["value"].astype(float), strict=True))


def _bounds(estimate: Estimate, mean: str, low: str, high: str, count: str) -> dict[str, float]:
    return {
        mean: estimate.mean,
        low: math.nan if estimate.low is None else estimate.low,
        high: math.nan if estimate.high is None else estimate.high,
        count: estimate.n,
    }
