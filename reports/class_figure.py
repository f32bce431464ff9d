"""The plot of how designs differ class by class."""

import textwrap

import numpy as np
from matplotlib.ticker import MaxNLocator

from ablations.comparing.designs import SideBySide
from ablations.comparing.statistics import CONFIDENCE
from ablations.metric_names import CLASS_COLUMN
from ablations.reports.style import INK, column_figure, house_style, line_style, point_at, vector_bytes
from ablations.reports.text import metric_name, signed_with_bounds

MOST = 40  # classes that one can read below each other
LINE, AROUND = 0.17, 0.9  # inches, of a class and of what is above and below
LABEL_WIDTH = 24  # characters
APART = 0.5  # of a line, over which the designs of a class are spread


def class_figure(designs: SideBySide) -> dict[str, bytes]:
    """Differences from the first design, of the ``MOST`` classes that differ most: a point a design with its interval.

    The class that gains most is at the top. Empty without values by class.
    """
    if designs.classes.empty:
        return {}
    first, *others = (design.label for design in designs.designs)
    names = list(dict.fromkeys(designs.classes["class"]))[:MOST]
    rows = designs.classes.set_index(["design", "class"])
    gains = rows.loc[others[0]]["difference"].fillna(0.0)
    names.sort(key=lambda name: float(gains[name]), reverse=True)
    metric = metric_name(CLASS_COLUMN[designs.task])
    shifts = np.linspace(-APART / 2, APART / 2, len(others)) if len(others) > 1 else np.zeros(1)
    words: list[str] = []
    with house_style():
        figure, axes = column_figure(AROUND + LINE * len(names))
        for place, (label, shift) in enumerate(zip(others, shifts, strict=True)):
            of_design = rows.loc[label].loc[names]
            heights = np.arange(len(names)) + shift
            means = of_design["difference"].to_numpy()
            reach = np.stack([means - of_design["difference_low"], of_design["difference_high"] - means])
            style = {"color": line_style(place)["color"], "markersize": 3, "elinewidth": 0.9}
            axes.errorbar(means, heights, xerr=reach, fmt="o", label=label, **style)
            for name, mean, height in zip(names, means, heights, strict=True):
                if np.isfinite(mean):
                    point_at(axes, mean, height, len(words))
                    bounds = (of_design.loc[name, column] for column in ("difference_low", "difference_high"))
                    words.append(f"{name}, {label}: {metric} {signed_with_bounds(mean, *bounds)}")
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(names)), [textwrap.shorten(name, LABEL_WIDTH, placeholder="…") for name in names])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel(f"{metric} minus that of {first}")
        if len(others) > 1:
            figure.legend(loc="outside upper center", ncols=1)
        return vector_bytes(figure, words)


def class_caption(designs: SideBySide) -> str:
    """What the plot shows, and of how many classes."""
    count = designs.classes["class"].nunique() if not designs.classes.empty else 0
    which = f"the {MOST} of {count} classes that differ most" if count > MOST else "every class"
    return (
        f"Differences from the first design in {which}, with their {CONFIDENCE:.0%} intervals, {designs.scale} scale."
    )
