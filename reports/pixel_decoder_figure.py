"""Accuracy of each pixel decoder against its FLOPs, the paper's beside ours."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ablations.comparing.beside_paper import BASELINE
from ablations.reports.style import INK, OURS, PAPER, column_figure, house_style, point_at, vector_bytes
from ablations.reports.text import signed, signed_with_bounds

HEIGHT = 2.9  # inches
NAMED_ON_TOP = 5  # designs whose names have room on the upper axis
LISTED = 0.13  # inches of a name in the list that stands beside the numbers of more
LIST_SIZE = 6.5


def accuracy_against_flops(
    comparison: pd.DataFrame, flops: Mapping[str, float], metric: str
) -> dict[str, bytes] | None:
    """Points of each design's difference from the baseline, with our intervals, over its GFLOPs.

    `comparison` holds the rows of one task and metric. None when no design beside the baseline was run, or the FLOPs of
    none are known. Many designs have numbers at their points, by their FLOPs, and a list of their names below.
    """
    rows = comparison[comparison["variant"].isin(list(flops)) & comparison["difference"].notna()]
    if (rows["difference"] == 0).all():
        return None
    rows = rows.assign(place=rows["variant"].map(dict(flops))).sort_values("place", kind="stable")
    places = rows["place"]
    printed = rows.loc[rows["verdict"] != BASELINE, "paper_difference"].notna().any()
    reach = [rows["difference"] - rows["difference_low"], rows["difference_high"] - rows["difference"]]
    with house_style():
        many = len(rows) > NAMED_ON_TOP
        figure, axes = column_figure(HEIGHT + (LISTED * len(rows) if many else 0))
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.errorbar(
            places,
            rows["difference"],
            yerr=reach,
            fmt="o",
            color=OURS,
            ecolor=INK,
            elinewidth=0.9,
            capsize=2.5,
            markersize=5,
            label="ours",
        )
        if printed:
            axes.plot(places, rows["paper_difference"], "s", color=PAPER, markersize=5, label="paper")
        axes.set_xlabel("GFLOPs at the paper's scale")
        axes.set_ylabel(f"{metric} minus the baseline's")
        axes.margins(x=0.08)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        if many:
            _number(axes, rows)
        else:
            _name_on_top(axes, rows)
        if printed:
            figure.legend(loc="outside upper center" if many else "outside lower center", ncols=2)
        for number, row in enumerate(rows.to_dict("records")):
            point_at(axes, row["place"], row["difference"], number)
        return vector_bytes(figure, [_words(row, metric) for row in rows.to_dict("records")])


def _name_on_top(axes: Axes, rows: pd.DataFrame) -> None:
    names = axes.secondary_xaxis("top")
    names.set_xticks(list(rows["place"]), list(rows["variant"]), rotation=35, ha="left", fontsize=7)
    names.tick_params(length=2)
    names.spines["top"].set_visible(False)


def _number(axes: Axes, rows: pd.DataFrame) -> None:
    """A number beside each point, and below the axes what it stands for."""
    for number, (place, difference) in enumerate(zip(rows["place"], rows["difference"], strict=True), 1):
        axes.annotate(str(number), (place, difference), (4, 2), textcoords="offset points", fontsize=LIST_SIZE)
    lines = [
        f"{number}  {name}, {place:.0f} G"
        for number, (name, place) in enumerate(zip(rows["variant"], rows["place"], strict=True), 1)
    ]
    axes.figure.supxlabel("\n".join(lines), x=0.02, ha="left", fontsize=LIST_SIZE, linespacing=1.35)


def _words(row: Mapping[Any, Any], metric: str) -> str:
    unit = row["unit"]
    ours = signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], unit)
    paper = "" if pd.isna(row["paper_difference"]) else f"paper {signed(row['paper_difference'], unit)}, "
    return f"{row['variant']}, {row['place']:.4g} GFLOPs: {metric} minus the baseline's, {paper}ours {ours}"
