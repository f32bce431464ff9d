"""The page of one training: its metrics, a table of the classes, and pictures of what the model sees."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablations.evaluation import cell, column_names
from ablations.reports.html import page_environment
from ablations.reports.output import require_own, write_files
from ablations.reports.samples import stored_picture
from ablations.store.run_record import RunRecord


def write_training_page(record: RunRecord, heading: str, out: Path) -> Path:
    """Write ``index.html``, which loads nothing from anywhere.

    Args:
        record: of a run that is done.
        heading: of the page.
        out: an empty or new directory, or one that such a page was written to.

    Returns:
        The page's file.

    Raises:
        InputError: it cannot be written there.
    """
    require_own(out)
    rows, pictures = sample_rows(record)
    columns = column_names(record.classes)
    page = (
        page_environment(pictures)
        .get_template("training.html")
        .render(
            heading=heading,
            metrics=[(name, cell(value)) for name, value in record.metrics.items()],
            columns=[name for name in columns if name not in ("class", "kind")],
            kinds="kind" in columns,
            classes=[{**row, "cells": class_cells(row, columns)} for row in record.classes],
            losses=[(name, f"{value:.3f}") for name, value in record.losses.items()],
            rows=rows,
            pictures=list(pictures),
        )
    )
    write_files(out, {"index.html": page.encode()})
    return out / "index.html"


def sample_rows(record: RunRecord) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The images that the run drew, as rows of the page's gallery, and the files that they show."""
    rows: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for image in record.samples:
        named = {kind: stored_picture(record, image, kind) for kind in ("image", "truth", "prediction")}
        files |= dict(named.values())
        own = {kind: name for kind, (name, _) in named.items()}
        rows.append({"id": image, **own, "predictions": [own["prediction"]]})
    return rows, files


def class_cells(row: Mapping[str, Any], columns: list[str]) -> list[str]:
    """A class's values as words, empty where none is known."""
    return [cell(row.get(name)) for name in columns if name not in ("class", "kind")]
