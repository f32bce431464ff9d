"""Write the README's table of speed from the newest committed measurement beside peers.

    python scripts/readme_tables.py

What stands between two marks in README.md is replaced.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ablations.costs.peers_csv import newest_csv, read_csv, readme_table
from m2f.errors import InputError
from m2f.files import write_atomically

ROOT = Path(__file__).parents[1]
README, MEASURED = ROOT / "README.md", ROOT / "reports" / "reference"
BEGIN, END = "<!-- begin: scripts/readme_tables.py -->", "<!-- end -->"


def section(path: Path, rows: Sequence[Mapping[str, str]]) -> str:
    """The table, and what has to be known to read it."""
    first, day = rows[0], path.stem.rpartition("_")[2]
    peaks = {row["precision"]: f"{2 * float(row['gemm_peak']) / 1e9:.0f} GFLOP/s" for row in rows}
    best = " and ".join(f"{peak} in {precision}" for precision, peak in peaks.items())
    return " ".join(
        (
            f"{readme_table(rows)}\n\n{first['processor']}, {first['threads']} threads, torch {first['torch']}, {day},",
            f"[{path.name}](reports/reference/{path.name}). m2f: seconds; others: times as long as m2f in the same",
            "precision, ± half the width of the median's 95% interval. In brackets the share of the best matrix",
            f"product, {best}, that counted multiply-accumulates reach.",
            f"{warm_ups(rows)}**Ratios differ by processor**: measure yours with `m2f bench peers`.",
        )
    )


def warm_ups(rows: Sequence[Mapping[str, str]]) -> str:
    """How long what compiles took before its first answer."""
    sentences = []
    for name in ("transformers-compiled", "openvino"):
        seconds = [float(row["warm_up"]) for row in rows if row["library"] == name]
        if seconds:
            sentences.append(
                f"The first run of {name}, not counted, takes {min(seconds):.0f} to {max(seconds):.0f} s. "
            )
    return "".join(sentences)


def replaced(text: str, content: str) -> str:
    """The text with ``content`` between the marks.

    Raises:
        InputError: the marks are not there once.
    """
    new, count = re.subn(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}\n{content}\n{END}", text, flags=re.S
    )
    if count != 1:
        raise InputError(f"README.md must have '{BEGIN}' and '{END}' once.")
    return new


def main() -> None:
    """Replace the table."""
    path = newest_csv(MEASURED)
    write_atomically(README, replaced(README.read_text(), section(path, read_csv(path))).encode())


if __name__ == "__main__":
    main()
