"""The report's tables as LaTeX, ready to be read into a paper's own table environments."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader
from pylatexenc.latexencode import RULE_DICT, UnicodeToLatexConversionRule, UnicodeToLatexEncoder

from ablations.reports.content import Content
from ablations.reports.text import file_stem

COMPARISON = {
    "name": "Design",
    "metric": "Metric",
    "paper": "Paper",
    "ours": "Ours",
    "n": "n",
    "paper_difference": "Paper diff.",
    "difference": "Our difference",
    "verdict": "Verdict",
    "visible": "Would show",
    "provenance": "Provenance",
}
COMPARISON_ALIGNMENT = "llrrrrrlrl"
_ENCODER = UnicodeToLatexEncoder(
    # By default a straight quote would become two apostrophes.
    conversion_rules=[UnicodeToLatexConversionRule(RULE_DICT, {ord('"'): '"'}), "defaults"],
    unknown_char_policy="keep",
    unknown_char_warning=False,
)


def render_latex(content: Content) -> dict[str, bytes]:
    """Tables by file name: each in the paper's shape, and a task's comparison and every metric; the pixel decoders.

    Every cell is escaped, so that a row's name is set as it is spelled.
    """
    environment = Environment(
        loader=PackageLoader("ablations.reports"),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        autoescape=False,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("table.tex")
    tables = [
        table
        for scale in content.data["scales"]
        for part in scale["tables"]
        for task in part["tasks"]
        for table in _tables(part, task)
    ]
    tables += [_as_printed(part) for scale in content.data["scales"] for part in scale["tables"]]
    tables += map(_pixel_decoders, content.data["pixel_decoders"])
    return {f"{table['stem']}.tex": template.render(table).encode("utf-8") for table in tables}


def _tables(table: dict[str, Any], task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    stem = f"tables/{file_stem(table['name'], table['scale'], task['task'])}"
    title = f"{table['label']}, {task['task']}"
    heading = {**COMPARISON, "paper": task["printer"], "paper_difference": f"{task['printer']} diff."}
    comparison = [[str(row[key]) for key in COMPARISON] for row in task["rows"]]
    whose = "the paper's" if task["printer"] == "Paper" else "others'"
    words = f"{title}: {whose} on {task['paper_dataset']}, ours at {table['scale']} scale on {task['dataset']}"
    yield _table(stem, words, COMPARISON_ALIGNMENT, list(heading.values()), comparison)
    measured = task["measured"]
    header = ["Design", *measured["metrics"]]
    cells = [[row["variant"], *row["cells"]] for row in measured["rows"]]
    words = f"{title}: every metric at {table['scale']} scale, mean over seeds"
    yield _table(f"{stem}-metrics", words, "l" + "r" * len(measured["metrics"]), header, cells)


def _pixel_decoders(page: dict[str, Any]) -> dict[str, Any]:
    cells = [[f"{line['measure']}, {line['source']}", *line["cells"]] for line in page["lines"]]
    designs = page["designs"]
    words = f"{page['title']}, {page['scale']} scale"
    return _table(f"tables/{file_stem(page['anchor'])}", words, "l" + "r" * len(designs), ["", *designs], cells)


def _as_printed(table: dict[str, Any]) -> dict[str, Any]:
    """The table in the paper's shape: a metric's two numbers beside each other, differences small, the best bold."""
    printed = table["paper_table"]
    sides = [side for column in printed["columns"] for side in column["sides"]]
    words = f"{table['label']} in the paper's shape, ours at {table['scale']} scale"
    stem = f"tables/{file_stem(table['name'], table['scale'])}"
    rows = [_joined([escape(row["name"]), *map(_printed_cell, row["cells"])]) for row in printed["rows"]]
    groups, rules, start = [""], [], 2
    for column in printed["columns"]:
        width = len(column["sides"])
        groups.append(f"\\multicolumn{{{width}}}{{c}}{{{escape(column['title'])}}}")
        rules.append(f"\\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    whole = _table(stem, words, "l" + "r" * len(sides), ["", *sides], [])
    return {**whole, "rows": rows, "groups": " & ".join(groups), "rules": " ".join(rules)}


def _printed_cell(cell: dict[str, Any]) -> str:
    value = escape(cell["value"])
    shown = f"\\textbf{{{value}}}" if cell["best"] else value
    return f"{shown} {{\\scriptsize {escape(cell['difference'])}}}" if cell["difference"] else shown


def _table(
    stem: str, title: str, alignment: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, Any]:
    return {
        "stem": stem,
        "title": " ".join(title.split()),
        "alignment": alignment,
        "rows": [_row(cells) for cells in rows],
        "header": _row(header),
    }


def _row(cells: Sequence[str]) -> str:
    return _joined(list(map(escape, cells)))


def _joined(cells: Sequence[str]) -> str:
    """A row of cells that are LaTeX already."""
    text = " & ".join(cells)
    # After the end of a row, a star or a bracket would belong to it.
    return f"{{}}{text}" if text.startswith(("*", "[")) else text


def escape(text: str) -> str:
    """LaTeX that sets the text as it is spelled; what LaTeX would join, such as two dashes, stays two signs."""
    latex = _ENCODER.unicode_to_latex(" ".join(text.split()))
    return re.sub(r"([-'`])(?=\1)|[?!](?=`)", r"\g<0>{}", latex)
