"""The paper's own figures, drawn from our results: what a table of differences does not show."""

import re
from collections.abc import Callable, Mapping

import pandas as pd

from ablations.reports.figures import line_figure
from ablations.reports.section import Section
from ablations.reports.text import metric_name
from ablations.store.run_record import RunRecord

Drawing = Callable[[Section, str, str, Mapping[str, RunRecord]], dict[str, bytes] | None]

SHARE = r"fg_(\d+)"  # the metrics of Figure I(b): attention on the object, by the stride of the features
LENGTH = re.compile(r"(?P<epochs>\d+) epochs, (?P<augmentation>.+)")  # how Figure IV's rows are called


def by_layer(section: Section, task: str, metric: str, runs: Mapping[str, RunRecord]) -> dict[str, bytes] | None:
    """The metric of each decoder layer's prediction, one line a design; layer 0 is the queries before the decoder."""
    prefix = metric.rstrip("0123456789")
    results = _of_task(section, task)
    results = results[results["metric"].str.fullmatch(re.escape(prefix) + r"\d+")]
    results = results.assign(place=results["metric"].str.removeprefix(prefix).astype(int))
    curves = {name: _curve(results[results["variant"] == name]) for name in _names(section)}
    return line_figure(
        curves, "decoder layer", metric_name(prefix.partition("_")[0]), whole=True, baseline=section.study.baseline
    )


def by_resolution(section: Section, task: str, metric: str, runs: Mapping[str, RunRecord]) -> dict[str, bytes] | None:
    """The share of attention on the object against the features' stride: a line a design, the paper's beside ours."""
    ours = _shares(_of_task(section, task), "value")
    if ours.empty:
        return None
    paper = _shares(section.comparison[section.comparison["task"] == task], "paper")
    curves = {name: _curve(ours[ours["variant"] == name]) for name in _names(section)}
    curves |= {f"{name}, paper": _curve(paper[paper["variant"] == name]) for name in _names(section)}
    words = ("stride of the features, pixels", "attention on the object, %")
    return line_figure(curves, *words, whole=True, baseline=section.study.baseline)


def _shares(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows of a share at one resolution, its stride as `place`, the column in percent as `value`."""
    rows = rows[rows["metric"].str.fullmatch(SHARE) & rows[column].notna()]
    return rows.assign(place=rows["metric"].str.extract(SHARE)[0].astype(int), value=100 * rows[column])


def by_length(section: Section, task: str, metric: str, runs: Mapping[str, RunRecord]) -> dict[str, bytes] | None:
    """The metric against the length of training that a row's name gives, one line an augmentation."""
    results = _measured(section, task, metric)
    parts = results["variant"].str.extract(rf"^{LENGTH.pattern}$").dropna()
    results = results.join(parts, how="inner")
    results = results.assign(place=results["epochs"].astype(int))
    augmentations = dict.fromkeys(match["augmentation"] for match in map(LENGTH.fullmatch, _names(section)) if match)
    curves = {name: _curve(results[results["augmentation"] == name]) for name in augmentations}
    return line_figure(curves, "training length in the paper's epochs", metric)


def by_cost(section: Section, task: str, metric: str, runs: Mapping[str, RunRecord]) -> dict[str, bytes] | None:
    """The metric against the floating point operations of one image, one line a method, one point a size."""
    results = _measured(section, task, metric)
    results = results[results["variant"].isin(list(section.flops))]
    if results.empty:
        return None
    # The sizes are called by the rows, "Mask2Former, small": the backbones' names are those of the paper's scale.
    sizes = results["variant"].str.partition(", ")[2]
    results = results.assign(place=results["variant"].map(dict(section.flops)) / 1e9, mark=sizes)
    methods = dict.fromkeys(variation.method for variation in section.study.variations)
    curves = {name: _curve(results[results["method"] == name], mark=True) for name in methods}
    return line_figure(curves, "GFLOPs of one test image", metric)


# Caption and drawing by table.
PAPER_FIGURES: dict[str, tuple[str, Drawing]] = {
    "Ib": ("Share of the attention that lies on the object, by the resolution of the features.", by_resolution),
    "figII": (
        "Panoptic quality of the prediction after each decoder layer; layer 0 is the queries before the decoder.",
        by_layer,
    ),
    "fig3": (
        "Class-agnostic average recall of 100 proposals after each decoder layer; layer 0 is the learnable queries.",
        by_layer,
    ),
    "figIII": ("Accuracy against floating point operations, multiply-accumulates counted once.", by_cost),
    "figIV": ("Accuracy at the end of trainings of several lengths, for each augmentation.", by_length),
}


def _names(section: Section) -> list[str]:
    return [variation.name for variation in section.study.variations]


def _of_task(section: Section, task: str) -> pd.DataFrame:
    return section.results[section.results["task"] == task]


def _measured(section: Section, task: str, metric: str) -> pd.DataFrame:
    results = _of_task(section, task)
    return results[results["metric"] == metric]


def _curve(results: pd.DataFrame, mark: bool = False) -> pd.DataFrame:
    """Mean, min and max of the seeds at each `place`, in its order, and the words beside it."""
    places = results.groupby("place")
    curve = places["value"].agg(["mean", "min", "max"])
    return curve.assign(mark=places["mark"].first()) if mark else curve
