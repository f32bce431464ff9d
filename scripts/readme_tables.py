"""Write what README.md shows of the committed results: their message and its picture, and the table of speed.

    python scripts/readme_tables.py

What stands between two marks in README.md is replaced, and docs/verdicts.svg is drawn. The speed is that of the newest
committed measurement beside peers.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ablations.costs.peers_csv import newest_csv, read_csv, readme_table
from ablations.store.packed import read_frame
from ablations.studies import STUDIES
from m2f.errors import InputError
from m2f.files import write_atomically
from reports.forest import caption, forest_figure
from reports.message import papers_differences, sentence
from reports.section import Section

ROOT = Path(__file__).parents[1]
README, MEASURED = ROOT / "README.md", ROOT / "reports" / "reference"
PICTURE = "docs/verdicts.svg"
BEGIN, END = "<!-- begin: scripts/readme_tables.py -->", "<!-- end -->"
BEGIN_MESSAGE = "<!-- begin: message, scripts/readme_tables.py -->"


def reference_sections(directory: Path) -> list[Section]:
    """The tables that a directory's committed ``results.csv`` and ``comparison.csv`` hold, which are of one scale."""
    results = read_frame(directory / "results.csv")
    comparison = pd.read_csv(directory / "comparison.csv", dtype={"table": str, "seeds": str})
    (scale,) = comparison["scale"].unique()
    return [
        Section(
            study=study,
            scale=scale,
            results=results[results["table"] == study.table],
            comparison=comparison[comparison["table"] == study.table],
            paper=pd.DataFrame(),
            scale_word=scale,
        )
        for study in STUDIES.values()
        if study.table in set(comparison["table"])
    ]


def message(sections: Sequence[Section]) -> str:
    """The results in a sentence, and their picture."""
    rows = papers_differences(section.comparison for section in sections)
    return f"**{sentence(rows, sections[0].scale)}**\n\n![{caption(sections)}]({PICTURE})"


def picture(sections: Sequence[Section]) -> bytes:
    """The forest plot, on white, since a reader's page may be dark."""
    vectors = forest_figure(sections)
    assert vectors is not None
    ground = b'<rect width="100%" height="100%" fill="#ffffff"/>\n <defs>'
    return vectors["svg"].replace(b"<defs>", ground, 1)


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


def replaced(text: str, content: str, begin: str = BEGIN) -> str:
    """The text with ``content`` between the marks.

    Raises:
        InputError: the marks are not there once.
    """
    new, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(END)}", lambda _: f"{begin}\n{content}\n{END}", text, flags=re.S
    )
    if count != 1:
        raise InputError(f"README.md must have '{begin}' and '{END}' once.")
    return new


def main() -> None:
    """Replace the message and its picture, and the table."""
    sections = reference_sections(MEASURED)
    (ROOT / PICTURE).write_bytes(picture(sections))
    write_atomically(README, replaced(README.read_text(), message(sections), BEGIN_MESSAGE).encode())
    path = newest_csv(MEASURED)
    write_atomically(README, replaced(README.read_text(), section(path, read_csv(path))).encode())


if __name__ == "__main__":
    main()
