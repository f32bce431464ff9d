"""Figures of a table at one scale: differences from the baseline, and convergence."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ablations.compare import BASELINE
from reports.style import INK, OURS, PAPER, column_figure, house_style, line_style, vector_bytes

History = Sequence[Mapping[str, Any]]

CURVE_HEIGHT = 2.4  # inches; the least height of both figures, so that they stand level side by side


def difference_figure(comparison: pd.DataFrame, metric: str) -> dict[str, bytes] | None:
    """Bars of each row's difference from the baseline, the paper's beside ours with its interval.

    `comparison` holds the rows of one task. None when no row was run beside the baseline.
    """
    rows = comparison[(comparison["metric"] == metric) & (comparison["verdict"] != BASELINE)]
    if rows["difference"].isna().all():
        return None
    thickness = 0.36
    places = np.arange(len(rows))
    with house_style():
        figure, axes = column_figure(max(CURVE_HEIGHT, 0.85 + 0.42 * len(rows)))
        axes.barh(places - thickness / 2, rows["paper_difference"], thickness, color=PAPER, label="paper")
        axes.barh(places + thickness / 2, rows["difference"], thickness, color=OURS, label="ours")
        reach = np.stack(
            [rows["difference"] - rows["difference_low"], rows["difference_high"] - rows["difference"]]
        )  # [2, rows]
        axes.errorbar(
            rows["difference"], places + thickness / 2, xerr=reach, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5
        )
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(places, rows["variant"])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y", visible=False)
        axes.invert_yaxis()
        axes.set_xlabel(f"{metric} minus the baseline's {metric}")
        figure.legend(loc="outside upper center", ncols=2)
        return vector_bytes(figure)


def convergence_figure(histories: Mapping[str, Sequence[History]], metric: str) -> dict[str, bytes] | None:
    """Metric against training iteration for each row: the mean over its seeds, and a band from lowest to highest.

    `histories` maps a row's name to the history of each of its seeds. None when nothing was evaluated on the way.
    """
    curves = {name: curve for name, runs in histories.items() if len(curve := _curve(runs, metric))}
    if not curves:
        return None
    with house_style():
        figure, axes = column_figure(CURVE_HEIGHT)
        for position, name in enumerate(histories):
            if name not in curves:
                continue
            curve, style = curves[name], line_style(position)
            axes.plot(curve.index, curve["mean"], label=name, marker="o", markersize=2.5, **style)
            axes.fill_between(curve.index, curve["min"], curve["max"], color=style["color"], alpha=0.18, linewidth=0)
        axes.set_xlabel("training iteration")
        axes.set_ylabel(metric)
        figure.legend(loc="outside upper center", ncols=2, handlelength=2.6)
        return vector_bytes(figure)


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
