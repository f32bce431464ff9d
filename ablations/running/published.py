"""Published checkpoints evaluated as rows of the paper's tables, beside what the paper prints."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.comparing.beside_paper import paper_numbers
from ablations.metric_names import primary_metric
from ablations.paper import Checkpoint, paper_results
from ablations.planning.overrides import apply_overrides, with_settings
from ablations.planning.published import PublishedRow
from ablations.terminal import Column, folded, table
from m2f.data.paths import PREFIX
from m2f.errors import InputError
from m2f.files import load_json

if TYPE_CHECKING:
    from m2f.engine.coco_evaluation import Evaluation

CONVERTED = ".pth"
COLUMNS = (
    Column("table", once=True),
    Column("row", least=16),
    Column("task", once=True),
    Column("metric"),
    Column("paper", right=True),
    Column("checkpoint", right=True),
    Column("difference", right=True),
)

Evaluate = Callable[..., "Evaluation"]
"""As :func:`m2f.engine.coco_evaluation.evaluate_on`."""


@dataclass(frozen=True)
class Filled:
    """A row's metrics as a checkpoint has them.

    Attributes:
        metrics: in percent by name.
    """

    row: PublishedRow
    metrics: dict[str, float]


def found_files(rows: Iterable[PublishedRow], directory: Path) -> dict[Checkpoint, Path]:
    """The rows' checkpoints that lie in a directory or below it: as published, or as `m2f convert` writes them.

    Raises:
        InputError: there is no such directory, or a file is not the published one, as its MD5 tells.
    """
    if not directory.is_dir():
        raise InputError(f"The directory {directory} does not exist; name that of the checkpoints with --checkpoints.")
    there = {path.name: path for path in sorted(directory.rglob("*")) if path.suffix in (".pkl", CONVERTED)}
    files: dict[Checkpoint, Path] = {}
    for checkpoint in dict.fromkeys(row.checkpoint for row in rows if row.checkpoint):
        converted = Path(checkpoint.name).with_suffix(CONVERTED).name
        if checkpoint.name in there:
            files[checkpoint] = _published(there[checkpoint.name], checkpoint)
        elif converted in there:
            files[checkpoint] = there[converted]
    return files


def _published(path: Path, checkpoint: Checkpoint) -> Path:
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if not md5.startswith(checkpoint.md5):
        raise InputError(
            f"{path} is not the published file: its MD5 begins with {md5[:6]}, not {checkpoint.md5}; fetch it again "
            f"from {checkpoint.address}."
        )
    return path


def evaluate_rows(
    rows: Sequence[PublishedRow],
    files: dict[Checkpoint, Path],
    data: Path,
    out: Path,
    many_scales: bool,
    evaluate: Evaluate,
    say: Callable[[str], object],
) -> Iterator[Filled]:
    """The rows whose checkpoints are there, each checkpoint being evaluated once.

    What ``out`` has of an earlier call is not computed again.

    Args:
        rows: of tables.
        files: their checkpoints, see :func:`found_files`.
        data: directory of data sets, as the configs' paths have them below ``data/``.
        out: a directory of evaluations, each as :func:`m2f.engine.coco_evaluation.evaluate_on` leaves it.
        many_scales: also what a table's second evaluation of its trainings adds, from passes at many scales.
        evaluate: does an evaluation.
        say: takes a line before each evaluation.

    Raises:
        InputError: a checkpoint or the data cannot be used, or ``out`` has evaluations on other data.
    """
    known: dict[Path, dict[str, float]] = {}
    for row in rows:
        if row.checkpoint is None or row.checkpoint not in files:
            continue
        again = row.study.evaluated_again(row.task)
        looks: dict[str, Mapping[str, Any]] = {"": {}}
        if again and many_scales:
            looks["-many-scales"] = again.overrides
        metrics: dict[str, float] = {}
        for suffix, overrides in looks.items():
            place = out / f"{Path(row.checkpoint.name).stem}{suffix}"
            root = data / str(row.file.config["val_dataloader"]["dataset"]["data_root"]).removeprefix(PREFIX)
            if place not in known:
                known[place] = _written(place, root)
            if not known[place]:
                say(f"{row.study.table} {row.variation.name}, {row.task}: {place}")
                change = partial(_changed, row, overrides)
                known[place] = evaluate(row.path, files[row.checkpoint], root, place, change=change).metrics
            metrics |= known[place]
        yield Filled(row, metrics)


def _written(place: Path, root: Path) -> dict[str, float]:
    """The metrics of an earlier evaluation on the data set below a directory; none if there is no evaluation."""
    path = place / "metrics.json"
    if not path.is_file():
        return {}
    written = load_json(path, "remove its directory")
    if written.get("data") != str(root):
        raise InputError(
            f"{place} holds an evaluation on {written.get('data')}, not {root}; name another directory with --out."
        )
    return dict(written["metrics"])


def _changed(row: PublishedRow, overrides: Mapping[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The whole config of a row's file as the row has it, and then as the overrides do."""
    for own in (row.variation.overrides, overrides):
        config = apply_overrides(config, with_settings(own, row.file.settings, row.file.name))
    return config


def comparison(filled: Iterable[Filled]) -> list[dict[str, Any]]:
    """An object for each number of the paper that was measured; a row's first metric stands also without one."""
    paper = paper_results()
    lines = []
    for each in filled:
        row = each.row
        numbers = paper_numbers(paper, row.study)
        printed = {metric: value for (name, task, metric), value in numbers.items() if (name, task) == _key(row)}
        names = [primary_metric(row.study, row.task, each.metrics), *printed]
        lines += [
            {
                "table": row.study.table,
                "row": row.variation.name,
                "task": row.task,
                "file": row.checkpoint.name if row.checkpoint else "",
                "metric": metric,
                "paper": printed.get(metric),
                "value": each.metrics[metric],
            }
            for metric in dict.fromkeys(names)
            if metric in each.metrics
        ]
    return lines


def _key(row: PublishedRow) -> tuple[str, str]:
    return row.variation.name, row.task


def missing(rows: Iterable[PublishedRow], files: dict[Checkpoint, Path]) -> Iterator[str]:
    """A sentence for each checkpoint that is not there, and for each row of which none is published."""
    for row in rows:
        label = f"{row.study.table} {row.variation.name}, {row.task}"
        if row.checkpoint is None:
            yield f"not published: {label}"
        elif row.checkpoint not in files:
            yield f"missing: {label}: {row.checkpoint.name}, {row.checkpoint.address}"


def lines(found: Sequence[dict[str, Any]], absent: Iterable[str], wide: int) -> Iterator[str]:
    """The comparison for people, and what is missing."""
    if found:
        yield from table(COLUMNS, map(_cells, found), wide)
    for sentence in absent:
        yield from folded(sentence, wide)


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    words = [str(line[key]) for key in ("table", "row", "task", "metric")]
    if line["paper"] is None:
        return (*words, "", f"{line['value']:.2f}", "")
    return (*words, f"{line['paper']:g}", f"{line['value']:.2f}", f"{line['value'] - line['paper']:+.2f}")
