"""Figures of a table at one scale: differences from the baseline, and lines with a band over seeds."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablations.comparing.beside_paper import BASELINE
from ablations.reports.style import (
    BASELINE_STYLE,
    INK,
    OURS,
    OVER_ALL,
    PAPER,
    column_figure,
    house_style,
    line_style,
    point_at,
    value_id,
    vector_bytes,
)
from ablations.reports.text import metric_name, number, signed, signed_with_bounds

History = Sequence[Mapping[str, Any]]

LEAST_HEIGHT = 2.4  # inches; of all figures, so that they stand level side by side
LEGEND_LINE = 0.17  # inches
LABEL_WIDTH = 20  # characters of a row's name before it goes on in the next line
TICK_STEPS = (1, 2, 5, 10)


def difference_figure(comparison: pd.DataFrame, metric: str) -> dict[str, bytes] | None:
    """Bars of each row's difference from the baseline, the paper's beside ours with its interval.

    `comparison` holds the rows of one task. None when no row was run beside the baseline. Where the paper has no number
    ours stand alone.
    """
    rows = comparison[(comparison["metric"] == metric) & (comparison["verdict"] != BASELINE)]
    if rows["difference"].isna().all():
        return None
    both = bool(rows["paper_difference"].notna().any())
    thickness = 0.36
    places = np.arange(len(rows))
    ours = places + (thickness / 2 if both else 0)
    with house_style():
        figure, axes = column_figure(max(LEAST_HEIGHT, 0.85 + (0.42 if both else 0.36) * len(rows)))
        if both:
            axes.barh(places - thickness / 2, rows["paper_difference"], thickness, color=PAPER, label="paper")
        axes.barh(ours, rows["difference"], thickness, color=OURS, label="ours")
        reach = np.stack(
            [rows["difference"] - rows["difference_low"], rows["difference_high"] - rows["difference"]]
        )  # [2, rows]
        axes.errorbar(rows["difference"], ours, xerr=reach, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(places, [textwrap.fill(name, LABEL_WIDTH) for name in rows["variant"]])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y", visible=False)
        axes.invert_yaxis()
        name = metric_name(metric)
        axes.set_xlabel(f"{name} minus the baseline's {name}")
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=TICK_STEPS))
        if both:
            figure.legend(loc="outside upper center", ncols=2)
        for row in range(len(rows)):
            axes.axhspan(row - 0.5, row + 0.5, fill=False, linewidth=0, zorder=OVER_ALL, gid=value_id(row))
        return vector_bytes(figure, [_difference_words(row, metric) for row in rows.to_dict("records")])


def convergence_figure(
    histories: Mapping[str, Sequence[History]], metric: str, baseline: str = ""
) -> dict[str, bytes] | None:
    """Metric against training iteration for each row: the mean over its seeds, and a band from lowest to highest.

    `histories` maps a row's name to the history of each of its seeds. None when nothing was evaluated on the way.
    """
    curves = {name: _curve(runs, metric) for name, runs in histories.items()}
    return line_figure(curves, "training iteration", metric_name(metric), baseline=baseline)


def line_figure(
    curves: Mapping[str, pd.DataFrame], x_label: str, y_label: str, whole: bool = False, baseline: str = ""
) -> dict[str, bytes] | None:
    """One line a curve, with a band from its lowest to its highest seed.

    `curves` maps a line's name to a frame with the columns `mean, min, max`, whose index is the horizontal axis; one
    with a column `mark` has these words beside its points. `whole` keeps the axis to whole numbers. The line of the
    `baseline` looks alike in every figure. None without any
    point.
    """
    if all(curve.empty for curve in curves.values()):
        return None
    columns = 2 if max(map(len, curves)) <= LABEL_WIDTH else 1
    with house_style():
        figure, axes = column_figure(LEAST_HEIGHT + LEGEND_LINE * (-(-len(curves) // columns) - 2))
        # The place in the table decides the line's look, whether or not the rows before it were run.
        others = {name: position for position, name in enumerate(name for name in curves if name != baseline)}
        for name, curve in curves.items():
            if curve.empty:
                continue
            style = BASELINE_STYLE if name == baseline else line_style(others[name])
            axes.plot(curve.index, curve["mean"], label=name, marker="o", markersize=2.5, **style)
            axes.fill_between(curve.index, curve["min"], curve["max"], color=style["color"], alpha=0.18, linewidth=0)
            if "mark" in curve:
                _write_marks(axes, curve)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=TICK_STEPS, integer=whole))
        figure.legend(loc="outside upper center", ncols=columns, handlelength=2.6)
        return vector_bytes(figure, _pointed_points(axes, curves, x_label, y_label))


def _write_marks(axes: Axes, curve: pd.DataFrame) -> None:
    """Words at the points of a curve, on the side that the line turns away from: above a peak, below a valley."""
    axes.margins(x=0.08, y=0.15)
    means = list(curve["mean"])
    for position, (place, mark) in enumerate(zip(curve.index, curve["mark"], strict=True)):
        neighbours = [*means[max(position - 1, 0) : position], *means[position + 1 : position + 2]]
        above = not neighbours or means[position] >= np.mean(neighbours)
        axes.annotate(
            mark,
            (place, means[position]),
            (0, 4 if above else -4),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=6.5,
        )


def _difference_words(row: Mapping[Any, Any], metric: str) -> str:
    unit = row["unit"]
    ours = signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], unit)
    paper = "" if np.isnan(row["paper_difference"]) else f"paper {signed(row['paper_difference'], unit)}, "
    return f"{row['variant']}: {metric_name(metric)} minus the baseline's, {paper}ours {ours}"


def _pointed_points(axes: Axes, curves: Mapping[str, pd.DataFrame], x_label: str, y_label: str) -> list[str]:
    """Lay an unseen disc over every point of the curves, to be pointed at; returns their words."""
    words: list[str] = []
    for name, curve in curves.items():
        for place, point in zip(curve.index.astype(float), curve.to_dict("records"), strict=True):
            point_at(axes, place, point["mean"], len(words))
            words.append(f"{name}, {x_label} {place:.4g}: {_point_words(point, y_label)}")
    return words


def _point_words(point: Mapping[Any, Any], y_label: str) -> str:
    mean, low, high = (number(point[key]) for key in ("mean", "min", "max"))
    return f"{y_label} {mean}" + (f", seeds from {low} to {high}" if low != high else "")


def _curve(runs: Sequence[History], metric: str) -> pd.DataFrame:
    """Mean, min and max over the runs at each iteration that all of them were evaluated at."""
    points = [
        {entry["iteration"]: float(entry["metrics"][metric]) for entry in run if metric in entry["metrics"]}
        for run in runs
    ]
    common = sorted(set.intersection(*map(set, points))) if points else []
    values = pd.DataFrame(
        [[values[iteration] for iteration in common] for values in points], columns=pd.Index(common, dtype=int)
    )
    curve = values.agg(["mean", "min", "max"]).T if common else pd.DataFrame()
    return curve[np.isfinite(curve["mean"])] if len(curve) else curve
