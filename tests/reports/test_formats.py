"""The three formats say what the comparison frame says, whatever the names are spelled with."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from reports.content import compose
from reports.cost_rows import cost_rows, cost_summary
from reports.html import render_html
from reports.markdown import render_markdown
from reports.pdf import render_pdf
from reports.text import DASH, MINUS, number


class Tables(HTMLParser):
    """Rows of every table of a page (its text cell by cell), and what the page would load."""

    def __init__(self):
        super().__init__()
        self.tables, self.loads, self.cell = {}, [], None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.loads += [attributes[name] for name in ("src", "href", "xlink:href", "action") if name in attributes]
        if tag == "table":
            self.rows = self.tables.setdefault(f"{attributes.get('class')} {attributes.get('data-task')}", [])
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.cell = ""
            self.value = attributes.get("data-value")

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append((self.cell.strip(), self.value))
            self.cell = None


def parse_html(page):
    parser = Tables()
    parser.feed(page)
    return parser


def parse_markdown(text):
    """Table rows as lists of cells, escapes undone."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in rows]


def read_number(text):
    return float(re.match(r"\+?([\d.-]+)", text.replace(MINUS, "-"))[1])


@pytest.fixture
def measured(section):
    return [row for row in section.comparison.to_dict("records") if row["task"] == "panoptic"]


def test_html_numbers_equal_the_frame(content, measured):
    rows = parse_html(render_html(content)).tables["comparison panoptic"][1:]
    assert len(rows) == len(measured)
    for cells, row in zip(rows, measured, strict=True):
        text = [cell for cell, _ in cells]
        assert text[0].removesuffix(" (baseline)") == row["variant"]
        assert text[1:3] == [row["metric"], number(row["paper"])] and float(cells[2][1]) == row["paper"]
        assert float(cells[3][1]) == row["ours"] and read_number(text[3]) == pytest.approx(row["ours"], abs=0.051)
        assert text[4] == str(row["n"]) and text[7] == row["verdict"] and text[8] == row["provenance"]
        if row["verdict"] != "baseline":
            assert float(cells[6][1]) == row["difference"]
            assert read_number(text[6]) == pytest.approx(row["difference"], abs=0.051)


def test_markdown_numbers_equal_the_frame(content, measured):
    rows = parse_markdown(render_markdown(content))
    start = next(position for position, row in enumerate(rows) if row[0] == "Design" and row[1] == "Metric") + 2
    for cells, row in zip(rows[start : start + len(measured)], measured, strict=True):
        assert cells[0].removesuffix(" (baseline)") == row["variant"]
        assert cells[2] == number(row["paper"]) and read_number(cells[3]) == pytest.approx(row["ours"], abs=0.051)
        assert cells[4] == str(row["n"]) and cells[7] == row["verdict"]
        assert len(cells) == 10


def test_pdf_numbers_equal_the_frame_and_names_are_text(content, measured, pdf_tables):
    cells = next(cells for cells in pdf_tables(content) if len(cells) == 10 * len(measured))
    for start, row in zip(range(0, len(cells), 10), measured, strict=True):
        assert cells[start].removesuffix(" (baseline)") == row["variant"]
        assert cells[start + 2] == number(row["paper"])
        assert read_number(cells[start + 3]) == pytest.approx(row["ours"], abs=0.051)
        assert cells[start + 7] == row["verdict"]


def test_the_summary_counts_the_verdicts(content, pdf_tables):
    counts = ["3", "1", "0", "1", "0", "0", "0", "2 of 2"]
    (_, summary) = parse_html(render_html(content)).tables["summary None"]
    assert [text for text, _ in summary] == ["Table 4(c): cross-attention", "mini", "panoptic", *counts]
    assert ["Table 4(c): cross-attention", "mini", "panoptic", *counts] in parse_markdown(render_markdown(content))
    assert pdf_tables(content)[0] == ["Table 4(c): cross-attention", "panoptic", *counts]


def test_every_format_shows_the_costs_and_what_lies_outside(content, section, costs, pdf_tables):
    lines = [list(line.values()) for line in cost_rows(section.study, costs)]
    assert [line[5] for line in lines] == ["inside", "no paper number", "outside"]
    rows = parse_markdown(render_markdown(content))
    start = rows.index(["Design", "Cost", "Paper", "Reference", "Difference", "Tolerance", "m2f"]) + 2
    assert rows[start : start + len(lines)] == lines
    page = render_html(content)
    assert [[text for text, _ in row] for row in parse_html(page).tables["costs None"][1:]] == lines
    first = ["cross-attention", "213", "213.0", "0.0%", "213.0", DASH]
    assert [*first, "<b>x</b> $ _ #", "213", "223.7", "+5.0% outside", DASH, "45.3"] in pdf_tables(content)
    assert cost_summary(costs) in html.unescape(page) and cost_summary(costs) in render_markdown(content)


def test_rows_with_the_same_reason_share_a_line(content):
    assert "- cross-attention; masked attention: exact. section 3.2" in render_markdown(content)
    assert "<strong>cross-attention; masked attention</strong> (exact): section 3.2" in render_html(content)


def test_html_holds_each_picture_once_however_often_it_is_shown(content):
    page = render_html(content)
    pictures = [name for name in content.files if name.startswith("samples/")]
    shown = [
        name
        for row in content.data["scales"][0]["tables"][0]["tasks"][0]["gallery"]["rows"]
        for name in row["predictions"]
    ]
    assert len(re.findall(r"<image id=", page)) == len(pictures)
    assert len(re.findall(r"<use href=\"#samples", page)) == len(shown) + 2 * 2


def test_html_loads_nothing_and_holds_no_foreign_markup(content):
    page = render_html(content)
    loads = parse_html(page).loads
    assert loads and all(target.startswith(("#", "data:")) for target in loads)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "<b>" not in page and page.count("<script") == 1 and html.escape("<b>x</b> $ _ #") in page


def test_html_ids_are_unique_and_links_lead_somewhere(content):
    page = render_html(content)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', page)) <= set(ids)


def test_every_format_names_the_scale_first(content):
    markdown = render_markdown(content)
    assert "Scale: MINI" in markdown[:200] and "not COCO numbers" in markdown[:500]
    assert parse_html(render_html(content)) and "mini scale" in render_html(content).split("<h2>")[0]


def test_same_content_gives_the_same_bytes(content):
    assert render_html(content) == render_html(content)
    assert render_pdf(content) == render_pdf(content)


def test_pdf_has_a_first_page_and_more(content):
    pdf = render_pdf(content)
    assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", pdf)) > 1


def test_only_several_tables_have_a_list_of_contents(section, runs, content, pdf_elements):
    assert pdf_elements(content, "outline") == []
    other = replace(section, study=replace(section.study, table="XIa"))
    assert len(pdf_elements(compose([section, other], runs, absent=[], costs=[]), "outline")) == 1


def test_missing_results_are_named_with_their_command(content):
    command = "m2f run 4c --scale mini --tasks semantic"
    for text in (render_markdown(content), render_html(content)):
        assert "The semantic task was not run: " in text and command in text
        assert "Not run at all: semantic of Table 4(c) (mini scale)." in text
        assert "Table 4(d)" in text and "m2f run 4d --scale mini" in text
