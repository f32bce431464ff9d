"""Measurements beside peers as flat records, in a file whose name says where and when they were made."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m2f.errors import InputError
from m2f.files import require_place, write_atomically

if TYPE_CHECKING:
    from m2f.timing.beside_peers import Measurement

PREFIX = "peers"


def record(one: "Measurement") -> dict[str, Any]:
    """One work of one library as a row of the CSV file; what was not measured is None.

    ``ratio_spread`` is half the width of the ratio's interval as a share of it, ``memory_work`` and ``memory_total``
    are bytes, ``gemm_peak`` is multiply-accumulates a second.
    """
    known = one.ratio.low is not None
    return {
        **{name: getattr(one, name) for name in ("work", "precision", "size", "batch", "library")},
        "seconds": one.seconds,
        "ratio": one.ratio.median,
        "ratio_low": one.ratio.low,
        "ratio_high": one.ratio.high,
        "ratio_spread": one.ratio.spread if known else None,
        **{
            name: getattr(one, name)
            for name in ("rounds", "warm_up", "multiply_accumulates", "gemm_peak", "gemm_share")
        },
        "memory_work": one.memory.work if one.memory else None,
        "memory_total": one.memory.total if one.memory else None,
        "memory_ratio": one.memory_ratio,
        **{f"difference_{name}": value for name, value in (asdict(one.difference) if one.difference else {}).items()},
        **one.environment,
    }


def new_csv(directory: Path) -> Path:
    """The file of today's measurements on this machine, such as ``peers_intel-xeon-6-207_torch-2.13.0_2026-11-29.csv``.

    Raises:
        InputError: it cannot be written.
    """
    import torch

    from m2f.timing.machine import processor

    version = str(torch.__version__).partition("+")[0]
    path = directory / f"{PREFIX}_{slug(processor())}_torch-{version}_{date.today().isoformat()}.csv"
    require_place(path)
    return path


def slug(words: str) -> str:
    """Small letters, figures and hyphens alone."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", words.lower())).strip("-")


def write_csv(path: Path, measurements: "Sequence[Measurement]") -> None:
    """Write all measurements so far, each with every column that one of them has."""
    records = [record(one) for one in measurements]
    columns = list(dict.fromkeys(name for each in records for name in each))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    write_atomically(path, text.getvalue().encode())


def newest_of_each_processor(directory: Path) -> list[Path]:
    """The file of the latest date of each processor, by the processors' names.

    Raises:
        InputError: there is none.
    """
    dated = sorted(directory.glob(f"{PREFIX}_*.csv"), key=lambda path: path.stem.rpartition("_")[2])
    if not dated:
        raise InputError(f"{directory} has no {PREFIX}_*.csv; make one with: m2f bench peers --csv {directory}")
    return sorted({path.stem.split("_")[1]: path for path in dated}.values())


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows as text, empty where nothing was measured."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def readme_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Seconds of ours and ratios of the others in Markdown, one work, size, batch and precision a row."""
    libraries = list(dict.fromkeys(row["library"] for row in rows))
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        place = tuple(row[name] for name in ("work", "size", "batch", "precision"))
        cells.setdefault(place, {})[row["library"]] = cell(row)
    table = [
        ("Work", "pixels", "batch", "precision", *libraries),
        ("---", "---:", "---:", "---", *["---:"] * len(libraries)),
    ]
    table += [(*place, *(here.get(name, "") for name in libraries)) for place, here in cells.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def cell(row: Mapping[str, str]) -> str:
    """Ours: seconds and share of the best matrix product; another's: times as long, how well known, and share."""
    if row["library"] == "m2f":
        return f"{float(row['seconds']):.2f} ({float(row['gemm_share']):.0%})"
    known = f"{float(row['ratio_spread']):.0%}" if row["ratio_spread"] else "unknown"
    return f"{float(row['ratio']):.2f} ± {known} ({float(row['gemm_share']):.0%})"
