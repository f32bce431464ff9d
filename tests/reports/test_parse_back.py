"""Every number of the comparison and measured tables, read back from each format, is the frames' to its digits.

The committed reference is reported, but for Figure III, whose drawing asks for the configs of the runs.
"""

import re
from pathlib import Path

import pandas as pd
import pytest
from pylatexenc.latex2text import LatexNodes2Text

from ablations.comparing.beside_paper import comparison_frame
from ablations.comparing.shared_seeds import with_shared_seeds
from ablations.comparing.statistics import mean_interval
from ablations.paper import paper_results
from ablations.reports.content import compose
from ablations.reports.cost_rows import counted_costs
from ablations.reports.latex import render_latex
from ablations.reports.markdown import render_markdown
from ablations.reports.section import Section
from ablations.reports.text import MINUS, metric_name
from ablations.reports.verdicts import WITHIN_NOISE
from ablations.studies import STUDIES

REFERENCE = Path(__file__).parents[2] / "reports" / "reference" / "results.csv"
ENVIRONMENT = {"python": "3.11.7", "platform": "Linux", "processor": "A processor", "cores": 2, "threads": 1}
PLACES = {"%": 1, "fraction": 2}
COMPARISONS = [["Design", "Metric", printer, "Ours", "n"] for printer in ("Paper", "Others")]


@pytest.fixture(scope="module")
def sections():
    results = with_shared_seeds(pd.read_csv(REFERENCE, dtype={"table": str}))
    paper = paper_results()
    tables = [study for study in STUDIES.values() if study.table in set(results["table"]) - {"figIII"}]
    return [
        Section(
            study,
            "mini",
            results[results["table"] == study.table],
            comparison_frame(results, paper, [study], "mini"),
            paper[paper["table"] == study.table],
            "mini",
        )
        for study in tables
    ]


@pytest.fixture(scope="module")
def reference(sections, kept_run):
    cells = pd.concat(section.results for section in sections).drop_duplicates("run")
    runs = {
        row["run"]: kept_run(
            row["run"], {"total": 1.0}, seed=int(row["seed"]), **{key: row[key] for key in ("task", "dataset", "split")}
        )
        for row in cells.to_dict("records")
    }
    return compose(sections, runs, [], counted_costs())


def tasks(sections):
    return [
        (section, task) for section in sections for task in section.study.tasks if task in set(section.results["task"])
    ]


def require_printed(cell, values, places):
    """The numbers in a cell are these values, rounded to so many decimal places; NaN is not printed."""
    read = [float(text) for text in re.findall(r"[+-]?\d+\.\d+", cell.replace(MINUS, "-"))]
    values = [value for value in values if not pd.isna(value)]
    assert len(read) == len(values), (cell, values)
    for one, value in zip(read, values, strict=True):
        assert abs(one - value) <= 0.5 * 10**-places + 1e-9, (cell, values)


def require_comparison(rows, sections):
    """Rows of all comparison tables, one after the other, hold what the comparison frames hold."""
    expected = [
        row
        for section, task in tasks(sections)
        for row in section.comparison[section.comparison["task"] == task].to_dict("records")
    ]
    assert len(rows) == len(expected)
    for cells, row in zip(rows, expected, strict=True):
        places = PLACES[row["unit"]]
        marked = row["verdict"] == "baseline" and row["variant"] != "baseline"
        assert cells[:2] == [row["variant"] + (" (baseline)" if marked else ""), metric_name(row["metric"])]
        require_printed(cells[2], [row["paper"]], places)
        require_printed(cells[3], [row["ours"], row["high"] - row["ours"]], places)
        assert int(cells[4]) == row["n"]
        if row["verdict"] != "baseline":
            require_printed(cells[5], [row["paper_difference"]], places)
            require_printed(cells[6], [row["difference"], row["difference_low"], row["difference_high"]], places)
            assert cells[7] == (row["verdict"] if row["n"] else "not run")
            require_printed(cells[8], [row["visible"]], places)
            assert cells[5].endswith(WITHIN_NOISE) == row["within_paper_noise"]


def means(sections):
    """Mean over seeds and unit by table, task, design and metric."""
    return {
        (section.study.table, task, variant, metric_name(metric)): (
            mean_interval(list(rows["value"])).mean,
            rows["unit"].iloc[0],
        )
        for section, task in tasks(sections)
        for (variant, metric), rows in section.results[section.results["task"] == task].groupby(["variant", "metric"])
    }


def require_measured(printed, sections):
    """Cells by (table, task, design, metric) are all means that there are."""
    expected = means(sections)
    assert printed.keys() == expected.keys()
    for key, (value, unit) in expected.items():
        require_printed(printed[key], [value], PLACES[unit])


def cells_of(header, rows, table, task, transposed=False):
    found = {(row[0], name): cell for row in rows for name, cell in zip(header[1:], row[1:], strict=True)}
    return {(table, task, *(key[::-1] if transposed else key)): cell for key, cell in found.items()}


def markdown_tables(text):
    """(header, rows) of every table, escapes undone."""
    tables = []
    for block in re.findall(r"(?:^\|.*\n)+", re.sub(r"(?m)^(\|.*\|)\n\n(?=\|)", r"\1\n", text), flags=re.MULTILINE):
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
        rows = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in rows]
        tables.append((rows[0], rows[2:]))
    return tables


def latex_table(text):
    """(header, rows) of a file that holds one table."""
    lines = [line.removesuffix(r" \\") for line in text.splitlines() if line.endswith(r"\\")]
    rows = [[LatexNodes2Text().latex_to_text(cell).strip() for cell in line.split(" & ")] for line in lines]
    # The parser reads an accent of a letter where TeX sets the sign alone.
    rows = [[cell.replace("\N{MODIFIER LETTER CIRCUMFLEX ACCENT}", "^") for cell in row] for row in rows]
    return rows[0], rows[1:]


def test_markdown(reference, sections):
    tables = markdown_tables(render_markdown(reference))
    require_comparison([row for header, rows in tables if header[:5] in COMPARISONS for row in rows], sections)
    measured = [
        (header, rows) for header, rows in tables if header[0] == "Design" and header[1] not in ("Metric", "Cost")
    ]
    printed = {}
    for (header, rows), (section, task) in zip(measured, tasks(sections), strict=True):
        printed |= cells_of(header, rows, section.study.table, task)
    require_measured(printed, sections)


def test_latex(reference, sections):
    files = {name: latex_table(data.decode()) for name, data in render_latex(reference).items()}
    compared, printed = [], {}
    for section, task in tasks(sections):
        stem = f"tables/{section.study.table}-mini-{task}"
        header, rows = files.pop(f"{stem}.tex")
        assert header[:5] in COMPARISONS
        compared += rows
        printed |= cells_of(*files.pop(f"{stem}-metrics.tex"), section.study.table, task)
    require_comparison(compared, sections)
    require_measured(printed, sections)
    shapes = [f"tables/{section.study.table}-mini.tex" for section in sections]
    assert list(files) == [*shapes, "tables/pixel-decoders-mini.tex"]


def test_pdf(reference, sections, pdf_rows):
    tables = pdf_rows(reference)
    require_comparison([row for header, rows in tables if header[:5] in COMPARISONS for row in rows], sections)
    measured = iter([(header, rows) for header, rows in tables if header[0] == "Metric"])
    printed = {}
    for section, task in tasks(sections):
        lacking = set(section.results.loc[section.results["task"] == task, "variant"])
        while lacking:
            header, rows = next(measured)
            lacking -= set(header[1:])
            printed |= cells_of(header, rows, section.study.table, task, transposed=True)
    require_measured(printed, sections)
    assert next(measured, None) is None
