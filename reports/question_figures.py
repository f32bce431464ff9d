"""Figures of the studies of what came after the paper, one for each question."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ablations.reports.cost_rows import GIGA
from ablations.reports.paper_figures import Drawing
from ablations.reports.pixel_decoder_figure import accuracy_against_flops
from ablations.reports.section import Section
from ablations.reports.style import BASELINE_STYLE, INK, column_figure, house_style, line_style, point_at, vector_bytes
from ablations.reports.text import metric_name, signed_with_bounds
from ablations.store.run_record import RunRecord

HEIGHT = 3.0  # inches
SPREAD = 0.36  # of the room between two places, that lines of one place share

Row = Mapping[Any, Any]


def crossed(section: Section, task: str, metric: str, runs: Mapping[str, RunRecord]) -> dict[str, bytes] | None:
    """Differences from the baseline of a crossed study: its first factor as lines, its second along the axis."""
    rows = {variation.name: variation.choices for variation in section.study.variations if variation.choices}
    lines, places = (list(dict.fromkeys(choices[factor] for choices in rows.values())) for factor in (0, 1))
    comparison = _compared(section, task, metric)
    found = {rows[row["variant"]]: row for row in comparison.to_dict("records") if row["variant"] in rows}
    if len(found) < 2:
        return None
    baseline, _ = rows[section.study.baseline]
    points: list[tuple[float, Row]] = []
    with house_style():
        figure, axes = column_figure(HEIGHT)
        axes.axhline(0, color=INK, linewidth=0.8)
        for number, line in enumerate(lines):
            aside = SPREAD * (number / max(1, len(lines) - 1) - 0.5)
            own = [(place + aside, found[line, name]) for place, name in enumerate(places) if (line, name) in found]
            if own:
                _draw_line(axes, own, line, BASELINE_STYLE if line == baseline else line_style(number))
            points += own
        for number, (place, row) in enumerate(points):
            point_at(axes, place, row["difference"], number)
        axes.set_xticks(range(len(places)), [name.replace(" ", "\n", 1) for name in places])
        axes.set_ylabel(f"{metric_name(metric)} minus the baseline's")
        figure.legend(loc="outside upper center", ncols=2, handlelength=2.6)
        return vector_bytes(figure, [_words(row, metric) for _, row in points])


def _draw_line(axes: Axes, points: Sequence[tuple[float, Row]], label: str, style: Mapping[str, Any]) -> None:
    """The means of one choice with their intervals, in the order of the other factor's choices."""
    places = [place for place, _ in points]
    means, low, high = (
        np.array([row[key] for _, row in points]) for key in ("difference", "difference_low", "difference_high")
    )
    axes.errorbar(places, means, yerr=[means - low, high - means], label=label, marker="o", markersize=3, **style)


def _words(row: Row, metric: str) -> str:
    ours = signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], row["unit"])
    return f"{row['variant']}: {metric_name(metric)} minus the baseline's {ours}"


def by_papers_flops(section: Section, task: str, metric: str, runs: Mapping[str, RunRecord]) -> dict[str, bytes] | None:
    """Differences from the baseline over the FLOPs of the paper's scale."""
    flops = {name: value / GIGA for name, value in section.flops.items()}
    return accuracy_against_flops(_compared(section, task, metric), flops, metric_name(metric))


def _compared(section: Section, task: str, metric: str) -> pd.DataFrame:
    comparison = section.comparison
    return comparison[
        (comparison["task"] == task) & (comparison["metric"] == metric) & comparison["difference"].notna()
    ]


# Caption and drawing by study. The figure of S1 is that of all tables, whose rows it has from no mask to a strict one.
QUESTION_FIGURES: dict[str, tuple[str, Drawing]] = {
    "S2": (
        "Each attention with each way to train it, beside the baseline, with its interval where one is known.",
        crossed,
    ),
    "S3": ("Difference from the baseline against the FLOPs on COCO panoptic at the paper's scale.", by_papers_flops),
}
