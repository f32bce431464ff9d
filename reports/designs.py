"""Designs side by side: what the terminal shows of them, and a page of its own."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from ablations.comparing.designs import SideBySide
from ablations.comparing.statistics import CONFIDENCE
from ablations.metric_names import CLASS_COLUMN, PRIMARY_METRIC, unit
from ablations.reports.class_figure import class_caption, class_figure
from ablations.reports.html import page_environment
from ablations.reports.output import require_own, write_files
from ablations.reports.text import DASH, listing, number, signed, signed_with_bounds, with_interval
from ablations.terminal import Column, folded, on_one_line, table

Draw = Callable[[SideBySide, Sequence[str]], tuple[dict[str, bytes], str]]

SHOWN_CLASSES = 10  # in the terminal
SHOWN_IMAGES = 6
LEAST_OF = {"design": 16, "difference": 15}  # columns
LEAST = 15  # columns of a value with its difference
NO_DETAILS = (
    "Not all of these runs keep values by class and image: those that evaluate another run do not, nor those that were "
    "made by earlier versions."
)
NO_IMAGES = "Images are left out: these runs are on data of other content, of which one id may name several images."
RULE = (
    f"Means over seeds ± half of their {CONFIDENCE:.0%} Student t interval; differences seed by seed, over the seeds "
    "that both designs have, with both ends of the interval; p of the two-sided paired t-test, for each number alone, "
    "not corrected for how many there are."
)


def show(designs: SideBySide, console: Console) -> None:
    """Print metrics, and the classes and images on which the designs differ most."""

    def tell(lines: Iterable[str]) -> None:
        console.out("\n".join(lines), highlight=False)

    tell(folded(on_one_line(heading(designs)), console.width))
    for sentence in cautions(designs):
        tell(folded(on_one_line(sentence), console.width))
    heads, rows = metric_table(designs)
    columns = [Column(name, right=name not in ("metric", "design"), least=LEAST_OF.get(name, 6)) for name in heads]
    tell(table(columns, [[cell["words"] for cell in row] for row in rows], console.width))
    for name, frame, count in (("class", designs.classes, SHOWN_CLASSES), ("image", designs.images, SHOWN_IMAGES)):
        if not frame.empty:
            labels = [Column(design.label, right=True, least=LEAST) for design in designs.designs]
            detail = wide_rows(designs, name, frame)[:count]
            tell(["", *folded(most_different(designs, name, count), console.width)])
            cells = [[row["key"], *(cell["words"] for cell in row["cells"])] for row in detail]
            tell(table([Column(name, least=12), *labels], cells, console.width))
    tell(["", *folded(NO_DETAILS, console.width, indent=0)] if designs.classes.empty else [""])
    tell(folded(RULE, console.width, indent=0))


def heading(designs: SideBySide) -> str:
    """What is compared with what."""
    first, *others = (f"'{design.label}'" for design in designs.designs)
    return f"{listing(others)} compared with {first}: {designs.task}, scale {designs.scale}"


def cautions(designs: SideBySide) -> list[str]:
    """What a reader of the numbers must know: how runs were changed, and that some are on other data."""
    changed = [f"Run with changed settings: {', '.join(designs.changes)}."] if designs.changes else []
    return [*changed, *([NO_IMAGES] if designs.on_other_data else [])]


def most_different(designs: SideBySide, name: str, count: int | None = None) -> str:
    """The title of the table of classes or images, of which ``count`` are shown, or all."""
    column, frame, kind = {
        "class": (CLASS_COLUMN[designs.task], designs.classes, "classes"),
        "image": (PRIMARY_METRIC[designs.task], designs.images, "images"),
    }[name]
    total = 0 if frame.empty else frame[name].nunique()
    which = f"{count} of {total}" if count is not None and count < total else f"all {total}"
    return f"{column} of {which} {kind}, those with the largest differences first"


def metric_table(designs: SideBySide) -> tuple[list[str], list[list[dict[str, Any]]]]:
    """The metrics' heads, and rows of cells, each its words and the number it sorts by.

    Two designs stand beside each other, a row a metric; of more, each has rows of its own.
    """
    first = designs.designs[0].label
    records = designs.metrics.to_dict("records")
    if len(designs.designs) > 2:
        heads = ["design", "metric", "mean", "n", "difference", "p"]
        return heads, [[_words(row["design"]), *_measured(row), *_compared(row, first)] for row in records]
    pairs = zip(records[::2], records[1::2], strict=True)
    heads = ["metric", *(design.label for design in designs.designs), "pairs", "difference", "p"]
    return heads, [
        [*_measured(one)[:2], _measured(other)[1], _words(str(other["pairs"])), *_compared(other, first)]
        for one, other in pairs
    ]


def _words(words: str, value: float = math.nan) -> dict[str, Any]:
    return {"words": words, "value": None if math.isnan(value) else value}


def _measured(row: Mapping[Any, Any]) -> list[dict[str, Any]]:
    mean = with_interval(row["mean"], row["high"], unit(row["metric"]))
    return [_words(row["metric"]), _words(mean, row["mean"]), _words(str(row["n"]))]


def _compared(row: Mapping[Any, Any], first: str) -> list[dict[str, Any]]:
    bounds = (row["difference"], row["difference_low"], row["difference_high"])
    difference = "" if row["design"] == first else signed_with_bounds(*bounds, unit(row["metric"]))
    p = "" if math.isnan(row["p"]) else f"{row['p']:.2g}"
    return [_words(difference, row["difference"]), _words(p, row["p"])]


def wide_rows(designs: SideBySide, name: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Classes or images as words, a row each, with a cell a design."""
    count = len(designs.designs)  # of lines that each class or image has in the frame, in the designs' order
    records = frame.to_dict("records")
    groups = [records[place : place + count] for place in range(0, len(records), count)]
    return [{"key": str(group[0][name]), "cells": [detail_cell(row) for row in group]} for group in groups]


def detail_cell(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A value with its difference from the first design's."""
    difference = "" if math.isnan(row["difference"]) else f" ({signed(row['difference'])})"
    mean = None if math.isnan(row["mean"]) else row["mean"]
    return {"words": number(row["mean"]) + difference if mean is not None else DASH, "value": mean}


def write_page(designs: SideBySide, out: Path, draw: Draw) -> dict[str, Path]:
    """Write ``index.html``, ``metrics.csv``, ``classes.csv``, ``images.csv`` and the plot of the classes.

    The page shows the images on which the designs differ most, as ``draw`` gives them, see
    :func:`ablations.comparing.pictures.drawn_images`.

    Raises:
        InputError: the directory cannot be written to.
    """
    require_own(out)
    rows = wide_rows(designs, "image", designs.images)[:SHOWN_IMAGES]
    pictures, trouble = draw(designs, [row["key"] for row in rows])
    vectors = class_figure(designs)
    figures = {f"figures/classes.{suffix}": content for suffix, content in vectors.items()}
    environment = page_environment({**pictures, **figures})
    heads, metrics = metric_table(designs)
    labels = [design.label for design in designs.designs]
    page = environment.get_template("side_by_side.html").render(
        heading=heading(designs),
        labels=labels,
        views=[*labels, *(f"errors of {label}" for label in labels)],
        cautions=cautions(designs),
        rule=RULE,
        no_details=NO_DETAILS if designs.classes.empty else "",
        heads=heads,
        metrics=metrics,
        figure={"stem": "figures/classes", "caption": class_caption(designs)} if figures else None,
        class_title=""
        if designs.classes.empty
        else most_different(designs, "class", designs.classes["class"].nunique()),
        classes=[] if designs.classes.empty else wide_rows(designs, "class", designs.classes),
        image_title="" if designs.images.empty else most_different(designs, "image", SHOWN_IMAGES),
        images=[sample(row, designs, pictures) for row in rows],
        trouble=trouble,
        pictures=list(pictures),
    )
    contents = {
        "index.html": page.encode(),
        **figures,
        **{
            f"{name}.csv": frame.to_csv(index=False).encode()
            for name, frame in (("metrics", designs.metrics), ("classes", designs.classes), ("images", designs.images))
            if not frame.empty
        },
    }
    write_files(out, contents)
    return {name: out / name for name in contents}


def sample(row: Mapping[str, Any], designs: SideBySide, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """An image as the page shows it: its numbers, and its pictures if there are any."""
    places = range(len(designs.designs))
    words = [f"{design.label} {cell['words']}" for design, cell in zip(designs.designs, row["cells"], strict=True)]
    shown = {
        "image": f"samples/0-{row['key']}_image.png",
        "truth": f"samples/0-{row['key']}_truth.png",
        "predictions": [
            f"samples/{place}-{row['key']}_{kind}.png" for kind in ("prediction", "errors") for place in places
        ],
    }
    return {"id": row["key"], "cells": row["cells"], "note": "; ".join(words), **(shown if pictures else {})}
