"""Our results beside the paper's: one tidy comparison frame per (table, scale)."""

import math

import pandas as pd

from ablations.statistics import Estimate, mean_interval, paired_difference, verdict
from ablations.variation import Study, Variation
from m2f.errors import InputError

PRIMARY_METRIC = {"panoptic": "PQ", "instance": "AP", "semantic": "mIoU"}
COST_METRICS = ("params", "flops", "fps", "memory")
BASELINE = "baseline"

COLUMNS = [
    "table",
    "scale",
    "variant",
    "task",
    "metric",
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

    One row for each variation, task and metric that the paper gives for the study (the task's primary metric always),
    in the study's order, whether or not it has been run. `ours, low, high` are the mean over seeds and its 95%
    interval, `n` the number of `seeds` (space-separated); differences are from the study's baseline, ours paired by
    seed over `pairs` seeds. Numbers that do not exist are NaN. `verdict` is the word 'baseline' in the baseline's rows.

    Raises InputError when two different runs of one variation share task and seed, since they may not be averaged.
    """
    ours = results[(results["table"] == study.table) & (results["scale"] == scale)]
    _require_one_run_per_seed(ours)
    numbers = _paper_numbers(paper, study)
    baseline = next(variation for variation in study.variations if variation.name == study.baseline)
    rows = []
    for task in study.tasks:
        for metric in _metrics(numbers, task):
            baseline_values = _values_by_seed(ours, baseline, task, metric)
            baseline_paper = numbers.get((baseline.paper_row, task, metric), math.nan)
            for variation in study.variations:
                values = _values_by_seed(ours, variation, task, metric)
                paper_value = numbers.get((variation.paper_row, task, metric), math.nan)
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


def _require_one_run_per_seed(results: pd.DataFrame) -> None:
    for (variant, task, seed), runs in results.groupby(["variant", "task", "seed"])["run"]:
        names = sorted(set(runs))
        if len(names) > 1:
            raise InputError(
                f"the store holds {len(names)} different runs of '{variant}' ({task}, seed {seed}), "
                f"{' and '.join(names)}, trained from different configs; remove one of these run directories, or keep "
                "them apart with --store."
            )


def _paper_numbers(paper: pd.DataFrame, study: Study) -> dict[tuple[str, str, str], float]:
    """The paper's accuracy numbers of a study by (row, task, metric)."""
    of_study = (paper["method"] == study.method) & (paper["backbone"] == study.backbone)
    rows = paper[(paper["table"] == study.table) & of_study & ~paper["metric"].isin(COST_METRICS)]
    keys = list(zip(rows["variant"], rows["task"], rows["metric"], strict=True))
    if len(set(keys)) < len(keys):
        raise ValueError(f"the paper's table {study.table} gives several numbers for one row, task and metric")
    return dict(zip(keys, rows["value"].astype(float), strict=True))


def _metrics(numbers: dict[tuple[str, str, str], float], task: str) -> list[str]:
    """The task's primary metric, then whatever else the paper gives for the task, in the paper's order."""
    return list(dict.fromkeys([PRIMARY_METRIC[task], *(metric for _, of_task, metric in numbers if of_task == task)]))


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
