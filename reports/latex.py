"""The report's tables as LaTeX, ready to be read into a paper's own table environments."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader
from pylatexenc.latexencode import RULE_DICT, UnicodeToLatexConversionRule, UnicodeToLatexEncoder

from reports.content import Content
from reports.text import file_stem

COMPARISON = {
    "variant": "Design",
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
    """Two tables a task, by file name: the comparison with the paper, and every metric; and the pixel decoders.

    Every cell is escaped, so that a row's name is set as it is spelled.
    """
    environment = Environment(
        loader=PackageLoader("reports"),
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
    tables += map(_pixel_decoders, content.data["pixel_decoders"])
    return {f"{table['stem']}.tex": template.render(table).encode("utf-8") for table in tables}


def _tables(table: dict[str, Any], task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    stem = f"tables/{file_stem(table['name'], table['scale'], task['task'])}"
    title = f"{table['label']}, {task['task']}"
    comparison = [[_cell(row, key) for key in COMPARISON] for row in task["rows"]]
    words = f"{title}: the paper's on {task['paper_dataset']}, ours at {table['scale']} scale on {task['dataset']}"
    yield _table(stem, words, COMPARISON_ALIGNMENT, list(COMPARISON.values()), comparison)
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


def _cell(row: dict[str, Any], key: str) -> str:
    return f"{row[key]} (baseline)" if key == "variant" and row["baseline"] else str(row[key])


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
    text = " & ".join(map(escape, cells))
    # After the end of a row, a star or a bracket would belong to it.
    return f"{{}}{text}" if text.startswith(("*", "[")) else text


def escape(text: str) -> str:
    """LaTeX that sets the text as it is spelled; what LaTeX would join, such as two dashes, stays two signs."""
    latex = _ENCODER.unicode_to_latex(" ".join(text.split()))
    return re.sub(r"([-'`])(?=\1)|[?!](?=`)", r"\g<0>{}", latex)
