"""The house style of every figure: one column wide, colour-blind safe, vector, the same bytes each time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from io import BytesIO
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN_WIDTH = 3.35  # inches: one column of a two-column paper
PAGE_WIDTH = 6.85  # inches: both columns
INK = "#1f2328"
PAPER = "#7d8792"
OURS = "#0072b2"
# Okabe and Ito's palette, without its yellow and black, which vanish on a light and on a dark page.
# Behind them come colours of Tol's muted palette, so that a figure of twelve lines has no colour twice.
PALETTE = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#882255", "#999933", "#332288", "#44aa99", "#aa4499", "#661100"),
)
BASELINE_STYLE: dict[str, Any] = {"color": INK, "linestyle": "-"}
GOOD, BAD, SMALL = "#009e73", "#d55e00", "#0072b2"
# Colour, shape and fill tell the same, so that any one of them is enough.
VERDICT_STYLES: dict[str, dict[str, Any]] = {
    "reproduced": {"color": GOOD, "marker": "o", "linestyle": "none"},
    "not reproduced": {"color": BAD, "marker": "X", "linestyle": "none"},
    "as small as the paper's": {"color": SMALL, "marker": "D", "linestyle": "none"},
    "below what this can tell": {"color": PAPER, "marker": "o", "markerfacecolor": "none", "linestyle": "none"},
}
OVER_ALL = 9  # the zorder of what is there to be pointed at and not to be seen
DASHES = ("-", "--", "-.", ":")

_SETTINGS: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "grid.linewidth": 0.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "m2f",
    "text.color": INK,
    # A row's name is text: a dollar sign in it starts no formula.
    "text.parse_math": False,
    "xtick.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.color": INK,
    "ytick.labelsize": 7.5,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's settings while a figure is drawn and written."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def line_style(position: int) -> dict[str, Any]:
    """Colour and dash of the line at this position, the baseline's left out; no two of the first 24 look the same."""
    return {
        "color": PALETTE[position % len(PALETTE)],
        "linestyle": DASHES[(position // len(PALETTE) + position) % len(DASHES)],
    }


def column_figure(height: float) -> tuple[Figure, Axes]:
    """A figure of one column's width and the given height in inches, with its axes."""
    figure = Figure(figsize=(COLUMN_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def value_id(number: int) -> str:
    """The gid of the artist that shows the value with this number: what a reader points at to learn it."""
    return f"value-{number}"


def point_at(axes: Axes, x: float, y: float, number: int) -> None:
    """Lay an unseen disc over a point of a plot: the artist of the value with this number."""
    unseen: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": "none", "clip_on": False}
    axes.plot(x, y, "o", markersize=8, zorder=OVER_ALL, gid=value_id(number), **unseen)


def vector_bytes(figure: Figure, values: Sequence[str] = ()) -> dict[str, bytes]:
    """The figure as {'svg': ..., 'pdf': ...}, without the date and program that would differ between two builds.

    `values` are the words of the artists whose gids are `value_id(0)`, `value_id(1)` and so on. The SVG holds them as
    their titles, which a viewer shows while the pointer rests there.
    """
    no_metadata = {
        "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    files = {}
    for suffix, metadata in no_metadata.items():
        stream = BytesIO()
        figure.savefig(stream, format=suffix, metadata=metadata)
        files[suffix] = stream.getvalue()
    files["svg"] = _with_titles(files["svg"].decode("utf-8"), values).encode("utf-8")
    return files


def _with_titles(svg: str, values: Sequence[str]) -> str:
    for number, words in enumerate(values):
        group = f'<g id="{value_id(number)}"'
        named = f'{group} class="value" role="img" aria-label="{escape(words)}" pointer-events="all">'
        svg = svg.replace(f"{group}>", f"{named}<title>{escape(words)}</title>")
    return svg
