"""Numbers, times and commands as the words of a report; what does not exist is a dash."""

import hashlib
import math
import re
import shlex
from collections.abc import Sequence

from ablations.studies import FIGURES, MAIN_RESULTS, OTHER_DATA_SETS, SINCE_THE_PAPER, TABLES, TEST_SERVERS
from ablations.studies.study import Study

LONGEST_STEM = 100  # characters
MINUS = "\N{MINUS SIGN}"
DASH = "\N{EM DASH}"
DECIMALS = {"%": 1, "fraction": 2, "M": 1, "G": 1, "GB": 1}  # by the unit that the results frame names
THE_PAPERS = frozenset(study.table for study in (*TABLES, *FIGURES, *MAIN_RESULTS, *OTHER_DATA_SETS, *TEST_SERVERS))
DATASET_NAMES = {
    "coco": "COCO",
    "coco_tenth": "a tenth of COCO",
    "ade20k": "ADE20K",
    "cityscapes": "Cityscapes",
    "mapillary": "Mapillary Vistas",
    "scenes": "generated scenes",
}


def number(value: float, unit: str = "%") -> str:
    """As many decimal places as the paper prints: one of a percentage, two of a fraction."""
    if math.isnan(value):
        return DASH
    places = DECIMALS[unit]
    # Adding zero takes the sign off a rounded minus zero.
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", MINUS)


def signed(value: float, unit: str = "%") -> str:
    """A number with its sign; what is printed as zero has none."""
    text = number(value, unit)
    return f"+{text}" if round(value, DECIMALS[unit]) > 0 else text


def with_interval(mean: float, high: float, unit: str = "%") -> str:
    """A mean with the half-width of its symmetric interval, where there is one."""
    return number(mean, unit) if math.isnan(high) else f"{number(mean, unit)} ± {number(high - mean, unit)}"


def signed_with_bounds(mean: float, low: float, high: float, unit: str = "%") -> str:
    """A difference with both ends of its interval, where there is one, so that zero is seen to lie in or out."""
    return signed(mean, unit) if math.isnan(low) else f"{signed(mean, unit)} ({bounds(low, high, unit)})"


def bounds(low: float, high: float, unit: str = "%") -> str:
    """Both ends of a difference's interval."""
    return f"{signed(low, unit)} to {signed(high, unit)}"


def printer(study: Study) -> str:
    """Whose printed numbers stand beside ours: the paper's, or those of what came after it."""
    return "Others" if study in SINCE_THE_PAPER else "Paper"


def metric_name(metric: str) -> str:
    """A metric as the field writes it: PQ_th is PQ^Th, PQ_layer3 is 'PQ, layer 3', AR100 is AR@100."""
    name = re.sub(r"_(th|st)$", lambda part: f"^{part[1].capitalize()}", metric)
    return re.sub(r"^AR(\d+)", r"AR@\1", re.sub(r"_layer(\d+)$", r", layer \1", name))


def row_name(variant: str, baseline: bool) -> str:
    """A row's name, which says of the baseline that it is one."""
    return f"{variant} (baseline)" if baseline and variant != "baseline" else variant


def duration(seconds: float) -> str:
    """Seconds below two minutes, minutes below two hours, else hours."""
    if math.isnan(seconds):
        return DASH
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def listing(words: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def run_command(
    table: str,
    scale: str,
    task: str = "",
    seeds: Sequence[int] = (),
    overrides: Sequence[str] = (),
    imports: Sequence[str] = (),
    store: str = "",
) -> str:
    """The command that runs this table (skipping what is done).

    `imports` are modules of a user's own; `store` is the directory of runs, if it is not the command's default.
    """
    parts = ["m2f run", shlex.quote(table), "--scale", shlex.quote(scale)]
    parts += ["--tasks", shlex.quote(task)] if task else []
    parts += ["--seeds", ",".join(map(str, seeds))] if seeds else []
    parts += [f"--override {shlex.quote(override)}" for override in overrides]
    parts += import_flags(imports)
    parts += ["--store", shlex.quote(store)] if store else []
    return " ".join(parts)


def import_flags(modules: Sequence[str]) -> list[str]:
    """The options that import a user's own modules."""
    return [f"--import {shlex.quote(module)}" for module in modules]


def file_stem(*parts: str) -> str:
    """The beginning of a file's name: words joined by dashes, and a dash for whatever is awkward in a path."""
    plain = "-".join(parts)
    stem = re.sub(r"[^\w.-]+", "-", plain)[:LONGEST_STEM]
    # Two names that look alike without their signs are two files.
    return stem if stem == plain else f"{stem}-{hashlib.sha256(plain.encode()).hexdigest()[:6]}"


def table_label(table: str) -> str:
    """The paper's own way to write a number: '4c' is 'Table 4(c)', 'figII' is 'Figure II'; a user's name stays."""
    if table not in THE_PAPERS:
        return f"Table {table}"
    kind = "Figure" if table in (study.table for study in FIGURES) else "Table"
    return f"{kind} " + re.sub(r"(?<=[\dIVX])([a-z])$", r"(\1)", table.removeprefix("fig"))
