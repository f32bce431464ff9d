"""Write what the pages show of the committed results: verdicts, what is lacking, speed, times and costs.

    python scripts/readme_tables.py

What stands between two marks of a page is replaced, docs/verdicts.svg is drawn, and reports/reference/comparison.csv
is what the comparison makes of the results. The speed is that of each processor's newest committed measurement beside
peers; the times of S1's rows are ``m2f cost S1 --measure --json``, kept beside it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ablations.comparing.beside_paper import BASELINE
from ablations.comparing.verdicts import MARGIN, NOT_RUN, UNTOLD, VERDICTS
from ablations.costs.peers_csv import newest_of_each_processor, read_csv, readme_table
from ablations.gate.sources import read_all
from ablations.paper import paper_results
from ablations.reports.build import sections_of
from ablations.reports.forest import caption, forest_figure
from ablations.reports.message import papers_differences, sentence
from ablations.reports.section import Section
from ablations.reports.text import listing, number, row_name, signed, signed_with_bounds, table_label, with_interval
from ablations.studies import FIGURES, SINCE_THE_PAPER, STUDIES, TABLES
from m2f.errors import InputError
from m2f.files import write_atomically

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "reports" / "reference"
README = ROOT / "README.md"
PAGES = {
    "message": README,
    "verdicts": README,
    "speed": ROOT / "docs" / "speed.md",
    "times": ROOT / "docs" / "since-the-paper.md",
    "costs": ROOT / "docs" / "costs.md",
    "not run": MEASURED / "README.md",
    "seeds": MEASURED / "README.md",
}  # by the name that the marks have of what stands between them
PICTURE = "docs/verdicts.svg"
BEGIN, END = "<!-- begin: {}, scripts/readme_tables.py -->", "<!-- end -->"
COSTS = (
    ("FLOPs, R50, 100 queries, COCO", "XIa", "100 queries", "flops", "G"),
    ("FLOPs, 1000 queries", "XIa", "1000 queries", "flops", "G"),
    (
        "FLOPs of a training step, 1024 x 1024, 11 targets",
        *("5", "matching point, training point", "training_flops", "G"),
    ),
    ("Training memory an image, masks", "5", "matching point, training mask", "memory", "GB"),
    ("Training memory an image, points", "5", "matching point, training point", "memory", "GB"),
)  # what stands in docs/costs.md: words, table, row, metric and unit
SHOWN = "4c"  # the table whose designs stand in README.md
MORE_SEEDS = (8, 16, 40)  # of which it is said what they would tell
SEEDS_OF_TABLES, SEEDS = 5, 3  # at least, by docs/how-numbers-are-computed.md
TIMED = "S1"  # the study whose rows are timed
TASKS = ("panoptic", "instance", "semantic")
SHORT: dict[str, str] = {
    "reproduced": "reproduced",
    "not reproduced": "the other way",
    "as small as the paper's": "as small",
    "below what this can tell": "not told",
    NOT_RUN: "not run",
}


def reference_sections(directory: Path) -> list[Section]:
    """The tables of a packed store, compared with the paper's."""
    found = read_all([directory])
    return sections_of(found.frame, found, print)


def of_the_paper(sections: Sequence[Section]) -> list[Section]:
    """Those that the paper has, without what came after it."""
    return [section for section in sections if section.study not in SINCE_THE_PAPER]


def comparison(sections: Sequence[Section]) -> pd.DataFrame:
    """All comparisons in one frame."""
    return pd.concat([section.comparison for section in sections], ignore_index=True)


def design_table(sections: Sequence[Section]) -> str:
    """Each design of one table, panoptic, beside the paper's."""
    (rows,) = (section.comparison for section in sections if section.study.table == SHOWN)
    lines = [
        f"| Design | Paper, COCO, R50 | Difference | Ours, {sections[0].scale} | Difference (95% interval) | Verdict |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for row in rows[(rows["task"] == "panoptic") & (rows["metric"] == "PQ")].to_dict("records"):
        baseline = row["verdict"] == BASELINE
        bounds = (row["difference"], row["difference_low"], row["difference_high"])
        cells = (
            row_name(row["variant"], baseline),
            number(row["paper"]),
            "" if baseline else signed(row["paper_difference"]),
            with_interval(row["ours"], row["high"]),
            "" if baseline else signed_with_bounds(*bounds),
            "" if baseline else row["verdict"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def verdict_table(sections: Sequence[Section]) -> str:
    """How many differences of each table came out how, task by task."""
    lines = [f"| Table | {' | '.join(map(str.capitalize, TASKS))} |", f"|---|{'---|' * len(TASKS)}"]
    for section in of_the_paper(sections):
        rows = papers_differences([section.comparison])
        if not rows.empty:
            label = f"{table_label(section.study.table)}: {section.study.title}"
            cells = [verdict_cell(rows[rows["task"] == task]) for task in TASKS]
            lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def verdict_cell(rows: pd.DataFrame) -> str:
    """The verdicts of a table's rows in one task, and of how many seeds they are."""
    seeds = sorted(set(rows.loc[rows["pairs"] > 0, "pairs"]))
    return verdict_counts(rows) + (f" ({span(seeds)} seed{'s' * (seeds[-1] > 1)})" if seeds else "")


def verdict_counts(rows: pd.DataFrame) -> str:
    """The verdicts of rows in words."""
    counts = rows["verdict"].value_counts()
    if rows.empty or set(counts.index) == {NOT_RUN}:
        return "not run" if len(rows) else ""
    return ", ".join(f"{counts[word]} {SHORT[word]}" for word in VERDICTS if counts.get(word))


def span(numbers: Sequence[int]) -> str:
    """From the least to the largest."""
    return " to ".join(str(number) for number in dict.fromkeys((numbers[0], numbers[-1]))) if numbers else ""


def message(sections: Sequence[Section]) -> str:
    """The results in a sentence, and their picture."""
    papers = of_the_paper(sections)
    rows = papers_differences(section.comparison for section in papers)
    present = {section.study.table for section in papers}
    lacking = [table_label(study.table) for study in TABLES if study.table not in present]
    others = f" Not among them, since they are not run: {listing(lacking)}." if lacking else ""
    return f"**{sentence(rows, papers[0].scale)}**{others}\n\n![{caption(papers)}]({PICTURE})"


def picture(sections: Sequence[Section]) -> bytes:
    """The forest plot, on white, since a reader's page may be dark."""
    vectors = forest_figure(of_the_paper(sections))
    assert vectors is not None
    ground = b'<rect width="100%" height="100%" fill="#ffffff"/>\n <defs>'
    return vectors["svg"].replace(b"<defs>", ground, 1)


def speed(directory: Path) -> str:
    """A table for each processor, and what has to be known to read them."""
    tables = [measured(path, read_csv(path)) for path in newest_of_each_processor(directory)]
    legend = (
        "m2f: seconds; others: times as long as m2f in the same precision, ± half the width of the median's 95% "
        "interval. In brackets the share of the best matrix product that counted multiply-accumulates reach. **Ratios "
        "differ by processor**: measure yours with `m2f bench peers`."
    )
    return "\n\n".join((*tables, legend))


def measured(path: Path, rows: Sequence[Mapping[str, str]]) -> str:
    """One file's table, with the machine that it was measured on."""
    first, day = rows[0], path.stem.rpartition("_")[2]
    peaks = {row["precision"]: f"{2 * float(row['gemm_peak']) / 1e9:.0f} GFLOP/s" for row in rows}
    best = " and ".join(f"{peak} in {precision}" for precision, peak in peaks.items())
    return (
        f"{readme_table(rows)}\n\n{first['processor']}, {first['threads']} threads, torch {first['torch']}, {day}, "
        f"[{path.name}](../reports/reference/{path.name}); best matrix product {best}.{warm_ups(rows)}"
    )


def warm_ups(rows: Sequence[Mapping[str, str]]) -> str:
    """How long what compiles took before its first answer."""
    sentences = []
    for name in ("transformers-compiled", "openvino"):
        seconds = [float(row["warm_up"]) for row in rows if row["library"] == name]
        if seconds:
            sentences.append(
                f" The first run of {name}, not counted, takes {min(seconds):.0f} to {max(seconds):.0f} s."
            )
    return "".join(sentences)


def times(directory: Path) -> str:
    """What each row of S1 takes on one machine, and what was counted of it."""
    path = max(directory.glob(f"times_{TIMED}_*.json"), key=lambda file: file.stem.rpartition("_")[2])  # the newest
    timed = values_by_row(pd.read_json(path))
    counted = values_by_row(pd.read_csv(directory / "costs.csv", dtype={"table": str}))
    baseline = STUDIES[TIMED].baseline
    beside = timed[baseline]
    lines = [
        "| Row | FLOPs, G | Training memory, GB | Prediction, s | Ratio | Training step, s | Ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in timed.items():
        cells = (
            f"{counted[name]['flops_ours']:.1f} | {counted[name]['memory_ours']:.2f}",
            f"{1 / row['fps']:.1f} | {beside['fps'] / row['fps']:.2f}",
            f"{row['train_seconds']:.1f} | {row['train_seconds'] / beside['train_seconds']:.2f}",
        )
        lines.append(f"| {row_name(name, name == baseline)} | {' | '.join(cells)} |")
    _, _, machine, torch, day = path.stem.split("_")
    return "\n".join(lines) + f"\n\n{machine}, {torch}, {day}, [{path.name}](../reports/reference/{path.name})."


def costs(directory: Path) -> str:
    """Counted costs beside the paper's."""
    counted, paper = pd.read_csv(directory / "costs.csv", dtype={"table": str}), paper_results()
    lines = ["| | Paper | Reference computation | m2f, same outputs |", "|---|---:|---:|---:|"]
    for words, table, row, metric, unit in COSTS:
        printed = values(paper, table, row, metric)[:1]  # the same in each task
        (reference,), (ours,) = (values(counted, table, row, name) for name in (metric, f"{metric}_ours"))
        said = "".join(f"{value:.0f} {unit}" for value in printed)
        lines.append(f"| {words} | {said} | {reference:.1f} {unit} | {ours:.1f} {unit} |")
    return "\n".join(lines)


def values(frame: pd.DataFrame, table: str, row: str, metric: str) -> list[float]:
    """What a results frame has of a row and a metric."""
    return list(frame["value"][(frame["table"] == table) & (frame["variant"] == row) & (frame["metric"] == metric)])


def values_by_row(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Each metric of each row of the study whose rows are timed."""
    found: dict[str, dict[str, float]] = {}
    for row in frame[frame["table"] == TIMED].to_dict("records"):
        found.setdefault(str(row["variant"]), {})[str(row["metric"])] = float(row["value"])
    return found


def replaced(text: str, content: str, name: str) -> str:
    """A page's text with ``content`` between the marks of that name.

    Raises:
        InputError: the marks are not there once.
    """
    begin = BEGIN.format(name)
    new, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(END)}", lambda _: f"{begin}\n{content}\n{END}", text, flags=re.S
    )
    if count != 1:
        raise InputError(f"The page must have '{begin}' and '{END}' once.")
    return new


def write(name: str, content: str) -> None:
    """Put ``content`` between the marks of that name, in the page that has them."""
    page = PAGES[name]
    write_atomically(page, replaced(page.read_text(), content, name).encode())


def not_run(sections: Sequence[Section]) -> str:
    """The tables, figures and studies that lack a task, or seeds of one, a line each."""
    least = {key: count for section in sections for key, count in least_seeds(section).items()}
    lines = []
    for study in (*TABLES, *FIGURES, *SINCE_THE_PAPER):
        seeds = SEEDS_OF_TABLES if study in TABLES else SEEDS
        has = {task: least.get((study.table, task), 0) for task in study.tasks}
        lacking = [
            f"{task}, {count} of {seeds} seeds" if count else task for task, count in has.items() if count < seeds
        ]
        lines += [f"- {table_label(study.table)}: {'; '.join(lacking)}"] if lacking else []
    return "\n".join(lines) or "Nothing: every table and figure has its seeds in each of its tasks."


def least_seeds(section: Section) -> dict[tuple[str, str], int]:
    """By table and task, the seeds of the row that has the fewest."""
    rows = section.results.groupby(["task", "variant"])["seed"].nunique().unstack(fill_value=0)
    rows = rows.reindex(columns=[variation.name for variation in section.study.variations], fill_value=0)
    return {(section.study.table, str(task)): int(count) for task, count in rows.min(axis=1).items()}


def seeds(sections: Sequence[Section]) -> str:
    """How many of the paper's differences are told, and how many more would be with how many seeds."""
    rows = papers_differences(section.comparison for section in of_the_paper(sections))
    heading = ("Task", "Told", "Not told", *(f"Told with {number} seeds" for number in MORE_SEEDS))
    lines = [f"| {' | '.join(heading)} |", f"|---|{'---:|' * (len(heading) - 1)}"]
    for task in TASKS:
        own = rows[rows["task"] == task]
        unknown = own[own["verdict"] == UNTOLD]
        needed = [seeds_needed(row) for row in unknown.to_dict("records")]
        told = len(own) - len(unknown) - int((own["verdict"] == NOT_RUN).sum())
        counts = (told, len(unknown), *(told + sum(least <= number for least in needed) for number in MORE_SEEDS))
        lines.append(f"| {task} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def seeds_needed(row: Mapping[Any, Any]) -> float:
    """With how many seeds a row's difference would show, or that it is as small as the paper's.

    That is if its mean, its spread and its level of correction stay: what it takes goes with the root of the seeds.
    """
    difference = abs(row["difference"])
    shows = row["visible"] / difference if difference else math.inf
    room = MARGIN - difference
    is_small = (MARGIN - row["small"]) / room if room > 0 else math.inf
    share = min(way for way in (shows, is_small, math.inf) if not math.isnan(way))
    return row["pairs"] * share**2


def verdicts(sections: Sequence[Section]) -> str:
    """What the reference says of Table 4(c)'s designs, and of all tables."""
    return f"{design_table(sections)}\n\n{verdict_table(sections)}"


def main() -> None:
    """Replace the message and its picture, and the tables."""
    sections = reference_sections(MEASURED)
    (MEASURED / "comparison.csv").write_text(comparison(sections).to_csv(index=False))
    (ROOT / PICTURE).write_bytes(picture(sections))
    write("message", message(sections))
    write("verdicts", verdicts(sections))
    write("not run", not_run(sections))
    write("seeds", seeds(sections))
    write("speed", speed(MEASURED))
    write("times", times(MEASURED))
    write("costs", costs(MEASURED))


if __name__ == "__main__":
    main()
