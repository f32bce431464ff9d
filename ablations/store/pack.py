"""Packing: a packed store, see ``ablations.store.packed``, from the results of stores and of packed ones."""

import csv
import json
import lzma
from collections.abc import Collection, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.store.packed import (
    LARGEST_RECORD,
    RESULTS,
    RUNS,
    SCALARS,
    PackedRun,
    is_packed,
    read_frame,
    record_path,
)
from ablations.store.results_frame import CELL, ROW, Results
from ablations.store.run_record import CONFIG, HISTORY, IDENTITY, PACKED_PARTS, PATCH, PROGRESS, STATE, RunRecord
from m2f.engine.kept.names import ATTENTION, SAMPLES
from m2f.errors import InputError
from m2f.files import read_regular, write_atomically

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 4  # significant, of the values of classes, images and curves; metrics keep all
OF_A_STATE = ("state", "started", "finished")  # the rest tells of a process and its host


def pack(found: Results, into: Path, pictured: Collection[str]) -> None:
    """Write results to a packed store. The same results give the same bytes; records that are there stay as they are.

    Args:
        found: all that it is to hold, with what it holds already.
        into: its directory, which may hold other files besides.
        pictured: tables whose runs with the first seed keep their pictures.

    Raises:
        InputError: it is a store, it has a run that the results lack, or it cannot be written.
    """
    if (into / "sweeps").exists():
        raise InputError(f"{into} is a store; name another directory with --into.")
    if is_packed(into):
        lost = sorted(set(read_frame(into / RESULTS)["run"]) - found.runs.keys())
        if lost:
            raise InputError(f"{into} has a damaged record of the run {lost[0]}; pack it with a store that has it.")
    try:
        (into / RUNS).mkdir(parents=True, exist_ok=True)
        for run in found.runs.values():
            if run.recorded and run.directory.parent != into / RUNS:
                write_atomically(record_path(into / RUNS, run.name), packed_record(run))
        for name in pictured_runs(found.frame, pictured):
            _copy_pictures(found.runs[name], into / RUNS / name)
        write_atomically(into / RESULTS, in_order(found.frame).to_csv(index=False).encode())
    except OSError as error:
        raise InputError(f"{into} cannot be written ({error.strerror}); mend that, or name another.") from error


def in_order(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A results frame by row, seed and run, the metrics of a run as they are."""
    return frame.sort_values([*ROW, "seed", "run"], kind="stable")


def pictured_runs(frame: "pd.DataFrame", tables: Collection[str]) -> list[str]:
    """The runs of these tables with the first seed of their scale and task."""
    cells = frame[frame["table"].isin(list(tables))][list(CELL)].drop_duplicates()
    first = cells.groupby(["table", "scale", "task"])["seed"].transform("min")
    return sorted(set(cells[cells["seed"] == first]["run"]))


def packed_record(run: RunRecord) -> bytes:
    """A run's record as a file."""
    text = json.dumps(dict(sorted(record_files(run))), separators=(",", ":"), ensure_ascii=False).encode()
    if len(text) > LARGEST_RECORD:
        raise InputError(f"The tables of {run.directory} are larger than a packed store takes; leave the run out.")
    return lzma.compress(text, check=lzma.CHECK_CRC32, preset=9 | lzma.PRESET_EXTREME)


def record_files(run: RunRecord) -> Iterator[tuple[str, str]]:
    """The small files of a run by name: tables and JSON files, the config, parts of images, and losses as logged.

    What tells of a directory, a process or a host by name is left out, and details are rounded.
    """
    if isinstance(run, PackedRun):
        yield from ((name, content.decode()) for name, content in run.files.items())
        return
    for path in run.directory.iterdir():
        kept = path.name in (CONFIG, PATCH) or path.suffix in (".csv", ".json")
        if kept and path.name != PROGRESS and path.is_file() and not path.is_symlink():
            with suppress(UnicodeDecodeError):
                yield path.name, _lean(path.name, read_regular(path).decode())
    parts = run.all_image_parts()
    if parts:
        lean = {name: _short(values.tolist()) for name, values in parts.items()}
        yield PACKED_PARTS, json.dumps(lean, separators=(",", ":"))
    starts = dict.fromkeys(start for _, start, _ in run.loss_curve)
    for start in starts:
        points = [{"step": step, "loss": loss} for step, of, loss in run.loss_curve if of == start]
        yield f"{start}{SCALARS}", "".join(f"{json.dumps(point)}\n" for point in points)


def _lean(name: str, text: str) -> str:
    """A file's text without what only its machine had a use for."""
    if name.endswith(".csv"):
        return _rounded_table(text)
    if not name.endswith(".json"):
        return text
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text  # a stranger's: what m2f wrote has been read before
    if name == IDENTITY:
        content = {**content, "data_directory": "data"}
    elif name == STATE:
        content = {key: content[key] for key in OF_A_STATE if key in content}
    elif name == HISTORY:
        content = _rounded(content)
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def _rounded_table(text: str) -> str:
    """A table whose numbers with a fraction have few digits; its first column and its heading stay."""
    rows = list(csv.reader(StringIO(text, newline="")))
    rounded = StringIO()
    table = csv.writer(rounded, lineterminator="\n")
    table.writerows(rows[:1] + [row[:1] + [_rounded_word(word) for word in row[1:]] for row in rows[1:]])
    return rounded.getvalue()


def _rounded_word(word: str) -> str:
    with suppress(ValueError):
        return repr(_rounded(float(word))) if "." in word else word
    return word


def _rounded(value: Any) -> Any:
    """A value, or what is in it, with few digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _short(value: Any) -> Any:
    """The numbers of a nested list, whole ones as they are and others with few digits."""
    if isinstance(value, list):
        return [_short(item) for item in value]
    return int(value) if value.is_integer() else _rounded(value)


def _copy_pictures(run: RunRecord, directory: Path) -> None:
    """Copy what a run keeps to be looked at, but for what is there."""
    pictures = [path for own in run.samples.values() for path in own.values()]
    for folder, paths in ((SAMPLES, pictures), (ATTENTION, list(run.attention.values()))):
        for path in paths:
            copy = directory / folder / path.name
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(copy, read_regular(path))
