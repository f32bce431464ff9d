"""The forest plot: every difference that the paper prints, beside ours with its interval and seeds, on one page."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import blended_transform_factory

from ablations.comparing.statistics import CONFIDENCE, paired_difference
from ablations.comparing.verdicts import NOT_RUN
from ablations.metric_names import PRIMARY_METRIC, unit
from ablations.reports.message import papers_differences
from ablations.reports.section import Section
from ablations.reports.style import (
    INK,
    OVER_ALL,
    PAGE_WIDTH,
    PAPER,
    VERDICT_STYLES,
    house_style,
    value_id,
    vector_bytes,
)
from ablations.reports.text import MINUS, listing, metric_name, signed, signed_with_bounds, table_label
from ablations.studies import SINCE_THE_PAPER

LINE_HEIGHT, AROUND = 0.138, 0.95  # inches
LINEAR = 3.0  # points from zero within which the axis is linear
TICKS = (-40, -10, -LINEAR, 0, LINEAR, 10, 40)
LONGEST_HEADING = 42  # characters: it ends before the first panel's zero
SIZE = 6.5  # points of type
POINTS = {"%": 1.0, "fraction": 100.0}  # what one of the unit is in points


@dataclass
class _Line:
    """A line of the plot: a heading, or a design with its comparison by task."""

    name: str
    heading: bool = False
    rows: dict[str, Mapping[Any, Any]] = field(default_factory=dict)
    seeds: dict[str, list[float]] = field(default_factory=dict)


def forest_figure(sections: Sequence[Section]) -> dict[str, bytes] | None:
    """One panel a task, one line a design, tables under headings; `sections` are those of one scale.

    None when the paper prints no difference for any of them.
    """
    lines = [line for section in sections for line in _lines(section)]
    tasks = [task for task in PRIMARY_METRIC if any(task in line.rows for line in lines)]
    if not tasks:
        return None
    words: list[str] = []
    with house_style():
        figure = Figure(figsize=(PAGE_WIDTH, AROUND + LINE_HEIGHT * len(lines)), layout="constrained")
        panels = figure.subplots(1, len(tasks), sharey=True, sharex=True, squeeze=False)[0]
        reach = 1.3 * max(_extents(lines))
        _name_lines(panels[0], lines)
        for task, axes in zip(tasks, panels, strict=True):
            _prepare(axes, task, lines)
            for place, line in enumerate(lines):
                if task in line.rows:
                    _draw(axes, place, line.rows[task], line.seeds[task])
                    axes.axhspan(
                        place - 0.5, place + 0.5, fill=False, linewidth=0, zorder=OVER_ALL, gid=value_id(len(words))
                    )
                    words.append(_words(line, task))
            axes.set_xlim(-reach, reach)
        figure.supxlabel(f"difference from the baseline in points, {sections[0].scale} scale", fontsize=7)
        figure.legend(handles=_legend(lines), loc="outside upper center", ncols=6, fontsize=SIZE, columnspacing=1.2)
        return vector_bytes(figure, words)


def caption(sections: Sequence[Section]) -> str:
    """What the plot of these sections shows, and which tables are not in it."""
    papers = [section for section in sections if section.study not in SINCE_THE_PAPER]
    left_out = [table_label(section.study.table) for section in papers if not _lines(section)]
    lacking = f" The paper prints no differences for {listing(left_out)}." if left_out else ""
    return (
        f"Every difference from a table's baseline that the paper prints, beside ours at {sections[0].scale} scale: "
        f"bar, the paper's; sign with line, our mean and its {CONFIDENCE:.0%} interval; dots, single seeds. A pale bar "
        f"alone was not run. In points of the task's metric, linear up to {LINEAR:.0f}, logarithmic beyond.{lacking}"
    )


def _lines(section: Section) -> list[_Line]:
    """The table's heading and its designs; none where the paper prints no difference."""
    lines: dict[str, _Line] = {}
    for row in papers_differences([section.comparison]).to_dict("records"):
        line = lines.setdefault(row["variant"], _Line(row["variant"]))
        line.rows[row["task"]] = row
        line.seeds[row["task"]] = _seeds(section, row)
    name = f"{table_label(section.study.table).removeprefix('Table ')}: {section.study.title}"
    heading = _Line(textwrap.shorten(name, LONGEST_HEADING, placeholder="…"), heading=True)
    return [heading, *lines.values()] if lines else []


def _seeds(section: Section, row: Mapping[Any, Any]) -> list[float]:
    """The differences of single seeds, in points."""
    results = section.results
    of_metric = results[(results["task"] == row["task"]) & (results["metric"] == row["metric"])]
    values, baseline = (
        dict(zip(own["seed"].astype(int), own["value"], strict=True))
        for own in (of_metric[of_metric["variant"] == name] for name in (row["variant"], section.study.baseline))
    )
    return [POINTS[unit(row["metric"])] * value for value in paired_difference(values, baseline)]


def _extents(lines: Sequence[_Line]) -> Iterator[float]:
    """How far from zero each thing that is drawn lies, in points."""
    for line in lines:
        for task, row in line.rows.items():
            ends = _points(row, "paper_difference", "difference_low", "difference_high")
            yield from (abs(end) for end in [*ends, *line.seeds[task]] if not np.isnan(end))


def _points(row: Mapping[Any, Any], *keys: str) -> list[float]:
    return [POINTS[row["unit"]] * row[key] for key in keys]


def _name_lines(axes: Axes, lines: Sequence[_Line]) -> None:
    """Designs' names left of the first panel; headings begin at the figure's edge and may reach into the panel."""
    axes.set_yticks(range(len(lines)), ["" if line.heading else line.name for line in lines])
    edge = blended_transform_factory(axes.figure.transFigure, axes.transData)
    for place, line in enumerate(lines):
        if line.heading:
            text = axes.text(0.004, place, line.name, transform=edge, va="center", fontsize=SIZE, fontweight="bold")
            text.set_in_layout(False)


def _prepare(axes: Axes, task: str, lines: Sequence[_Line]) -> None:
    axes.set_xscale("symlog", linthresh=LINEAR)
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}".replace("-", MINUS)))
    axes.axvline(0, color=INK, linewidth=0.6, zorder=1)
    axes.set_ylim(len(lines) - 0.5, -0.7)
    axes.tick_params(axis="both", length=0, labelsize=SIZE)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    metrics = {metric_name(line.rows[task]["metric"]) for line in lines if task in line.rows}
    usual = PRIMARY_METRIC[task]
    axes.set_title(f"{task.capitalize()}, {usual if usual in metrics else listing(sorted(metrics))}", fontsize=7)


def _draw(axes: Axes, place: int, row: Mapping[Any, Any], seeds: Sequence[float]) -> None:
    """The paper's difference as a bar across the line, ours with interval and seeds upon it."""
    run = row["verdict"] != NOT_RUN
    (paper,) = _points(row, "paper_difference")
    axes.plot(
        [paper, paper],
        [place - 0.38, place + 0.38],
        color=INK if run else PAPER,
        linewidth=1.6 if run else 1.0,
        alpha=1.0 if run else 0.6,
        solid_capstyle="butt",
        zorder=2,
    )
    if not run:
        return
    style = VERDICT_STYLES[row["verdict"]]
    mean, low, high = _points(row, "difference", "difference_low", "difference_high")
    if not np.isnan(low):
        axes.plot([low, high], [place - 0.1] * 2, color=style["color"], linewidth=1.0, zorder=3)
    axes.plot(seeds, [place + 0.26] * len(seeds), ".", color=style["color"], markersize=2.2, zorder=4)
    axes.plot(mean, place - 0.1, markersize=4.2, zorder=5, **style)


def _words(line: _Line, task: str) -> str:
    row = line.rows[task]
    numbers = f"{metric_name(row['metric'])}, paper {signed(row['paper_difference'], row['unit'])}"
    if row["verdict"] == NOT_RUN:
        return f"{line.name}, {task}: {numbers}, {NOT_RUN}"
    ours = signed_with_bounds(row["difference"], row["difference_low"], row["difference_high"], row["unit"])
    return f"{line.name}, {task}: {numbers}, ours {ours}, {row['verdict']}"


def _legend(lines: Sequence[_Line]) -> list[Line2D]:
    """The paper's bar, and each verdict that is there."""
    present = {row["verdict"] for line in lines for row in line.rows.values()}
    bar: dict[str, Any] = {"linestyle": "none", "marker": "|", "markersize": 7}
    handles = [Line2D([], [], color=INK, markeredgewidth=1.6, label="the paper's", **bar)]
    handles += [
        Line2D([], [], label=word, markersize=4.2, **style) for word, style in VERDICT_STYLES.items() if word in present
    ]
    if NOT_RUN in present:
        handles.append(Line2D([], [], color=PAPER, alpha=0.6, label=NOT_RUN, **bar))
    return handles
