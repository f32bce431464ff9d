"""Numbers, times and commands as the words of a report; what does not exist is a dash."""

import math
import re
import shlex
from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EM DASH}"
FIGURES = ("Ib",)  # figures of the paper that hold numbers, so that they are called like tables
DECIMALS = {"%": 1, "fraction": 2, "M": 1, "G": 1, "GB": 1}  # by the unit that the results frame names
DATASET_NAMES = {"coco": "COCO", "ade20k": "ADE20K", "scenes": "generated scenes"}


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
    table: str, scale: str, task: str = "", seeds: Sequence[int] = (), overrides: Sequence[str] = ()
) -> str:
    """The command that runs this table (skipping what is done)."""
    parts = ["m2f run", table, "--scale", scale]
    parts += ["--tasks", task] if task else []
    parts += ["--seeds", ",".join(map(str, seeds))] if seeds else []
    parts += [f"--override {shlex.quote(override)}" for override in overrides]
    return " ".join(parts)


def table_label(table: str) -> str:
    """The paper's own way to write a number: '4c' is 'Table 4(c)', 'figII' is 'Figure II'; a user's name stays."""
    number = re.sub(r"^fig(?=[\dIVX])", "", table)
    kind = "Figure" if number != table or table in FIGURES else "Table"
    return f"{kind} " + re.sub(r"(?<=[\dIVX])([a-z])$", r"(\1)", number)
