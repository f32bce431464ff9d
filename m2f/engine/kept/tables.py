"""What an evaluation knows of each class and each image, as tables."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.dist import master_only
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner

from m2f.data.images import names_by_path
from m2f.engine.kept.names import IMAGE_PARTS, PER_CLASS, PER_IMAGE
from m2f.files import write_atomically
from m2f.registry import HOOKS


@HOOKS.register_module()
class Details(Hook):
    """Keep what a training's last evaluation knows of classes and images in the work directory.

    ``per_class.csv``, ``per_image.csv``, and ``image_parts.npz``: by metric, what each image gives to its sums.
    """

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write them, of the last evaluation alone."""
        if runner.iter < runner.max_iters:
            return
        dataset, computed = runner.val_dataloader.dataset, runner.val_evaluator.metrics
        write_table(Path(runner.work_dir) / PER_CLASS, class_rows(dataset, computed))
        write_table(Path(runner.work_dir) / PER_IMAGE, image_rows(dataset, computed))
        write_parts(Path(runner.work_dir) / IMAGE_PARTS, image_parts(computed))


def class_rows(dataset: BaseDataset, metrics: Sequence[BaseMetric]) -> list[dict[str, Any]]:
    """A row for each class in the data set's order: what metrics that have computed know, see their ``by_class``.

    A metric that knows some of the classes alone says by its ``class_labels`` which ones.
    """
    names = dataset.metainfo["classes"]
    stuff = dataset.metainfo.get("stuff_classes", ())
    rows: list[dict[str, Any]] = [
        {"class": name, **({"kind": "stuff" if name in stuff else "thing"} if stuff else {})} for name in names
    ]
    for metric in metrics:
        labels = getattr(metric, "class_labels", range(len(rows)))
        add_columns([rows[label] for label in labels], getattr(metric, "by_class", {}))
    return rows


def image_rows(dataset: BaseDataset, metrics: Sequence[BaseMetric]) -> list[dict[str, Any]]:
    """A row for each image in the data set's order: what metrics that have computed know, see their ``by_image``."""
    rows = [{"image": name} for name in names_by_path(dataset).values()]
    for metric in metrics:
        if hasattr(metric, "by_image"):
            add_columns(rows, metric.by_image())
    return rows


def image_parts(metrics: Sequence[BaseMetric]) -> dict[str, np.ndarray]:
    """What each image gives to a metric's sums ``[I, parts, K]``, see ``parts_by_image`` of those that know."""
    parts: dict[str, np.ndarray] = {}
    for metric in metrics:
        if hasattr(metric, "parts_by_image"):
            parts |= metric.parts_by_image()
    return parts


def write_parts(path: Path, parts: dict[str, np.ndarray]) -> None:
    """Write arrays compressed, in single precision; most of their numbers are zero."""
    content = io.BytesIO()
    single: dict[str, Any] = {name: values.astype(np.float32) for name, values in parts.items()}
    np.savez_compressed(content, **single)
    write_atomically(path, content.getvalue())


def add_columns(rows: Sequence[dict[str, Any]], columns: dict[str, np.ndarray]) -> None:
    """Add a value of each column to the rows it is known for; NaN is not known."""
    for column, values in columns.items():
        for row, value in zip(rows, values.tolist(), strict=True):
            if not np.isnan(value):
                row[column] = value


def column_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of all rows, each once."""
    return list(dict.fromkeys(column for row in rows for column in row))


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as CSV; a cell is empty where a row has no value."""
    text = io.StringIO()
    table = csv.DictWriter(text, column_names(rows), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomically(path, text.getvalue().encode())
