"""Numbers, times and commands as the words of a report; what does not exist is a dash."""

import math
import re
import shlex
from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EM DASH}"
DATASET_NAMES = {"coco": "COCO", "ade20k": "ADE20K", "scenes": "generated scenes"}


def number(value: float) -> str:
    """One decimal place, as the paper prints its percentages."""
    if math.isnan(value):
        return DASH
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", MINUS)


def signed(value: float) -> str:
    """One decimal place with its sign; zero has none."""
    text = number(value)
    return f"+{text}" if value > 0 and text != "0.0" else text


def with_interval(mean: float, high: float) -> str:
    """A mean with the half-width of its symmetric interval, where there is one."""
    return number(mean) if math.isnan(high) else f"{number(mean)} ± {number(high - mean)}"


def signed_with_bounds(mean: float, low: float, high: float) -> str:
    """A difference with both ends of its interval, where there is one, so that zero is seen to lie in or out."""
    return signed(mean) if math.isnan(low) else f"{signed(mean)} ({signed(low)} to {signed(high)})"


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
    """The paper's own way to write a table's number: '4c' is 'Table 4(c)'."""
    return "Table " + re.sub(r"([a-z])$", r"(\1)", table)
