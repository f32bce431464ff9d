"""Accuracy of each pixel decoder against its FLOPs, the paper's beside ours."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.ticker import MaxNLocator

from ablations.reports.style import INK, OURS, PAPER, column_figure, house_style, point_at, vector_bytes
from ablations.reports.text import signed, signed_with_bounds

HEIGHT = 2.9  # inches


def accuracy_against_flops(
    comparison: pd.DataFrame, flops: Mapping[str, float], metric: str
) -> dict[str, bytes] | None:
    """Points of each design's difference from the baseline, with our intervals, over its GFLOPs.

    `comparison` holds the rows of one task and metric. None when no design beside the baseline was run, or the FLOPs of
    none are known.
    """
    rows = comparison[comparison["variant"].isin(list(flops)) & comparison["difference"].notna()]
    if (rows["difference"] == 0).all():
        return None
    places = rows["variant"].map(dict(flops))
    reach = [rows["difference"] - rows["difference_low"], rows["difference_high"] - rows["difference"]]
    with house_style():
        figure, axes = column_figure(HEIGHT)
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
        axes.plot(places, rows["paper_difference"], "s", color=PAPER, markersize=5, label="paper")
        axes.set_xlabel("GFLOPs at the paper's scale")
        axes.set_ylabel(f"{metric} minus the baseline's")
        axes.margins(x=0.08)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        names = axes.secondary_xaxis("top")
        names.set_xticks(list(places), list(rows["variant"]), rotation=35, ha="left", fontsize=7)
        names.tick_params(length=2)
        names.spines["top"].set_visible(False)
        figure.legend(loc="outside lower center", ncols=2)
        words: list[str] = []
        for row in rows.to_dict("records"):
            unit, place = row["unit"], flops[row["variant"]]
            point_at(axes, place, row["difference"], len(words))
            ours = signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], unit)
            paper = signed(row["paper_difference"], unit)
            words.append(
                f"{row['variant']}, {place:.4g} GFLOPs: {metric} minus the baseline's, paper {paper}, ours {ours}"
            )
        return vector_bytes(figure, words)
