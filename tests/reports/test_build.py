"""A store's report: its files, and that each format says what the frames say, whatever names are spelled with."""

import html
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from ablations.reports.build import build
from ablations.reports.content import compose
from ablations.reports.cost_rows import cost_rows, cost_summary
from ablations.reports.pdf import render_pdf
from ablations.reports.text import DASH, MINUS, number
from ablations.store.results_frame import read_results
from ablations.store.runs import open_store
from ablations.studies import STUDIES
from ablations.studies.study import Variation
from m2f.errors import InputError


@pytest.fixture(scope="module", autouse=True)
def study(section):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "4c", section.study)
        yield


def test_writes_every_format_and_vector_figures(built):
    assert {name: path.name for name, path in built.items()} == {
        "pdf": "report.pdf",
        "html": "report.html",
        "markdown": "report.md",
        "results": "results.csv",
        "comparison": "comparison.csv",
        "costs": "costs.csv",
        "latex": "tables",
    }
    out = built["pdf"].parent
    figures = {path.name for path in (out / "figures").iterdir()}
    stems = ("4c-mini-panoptic-differences", "4c-mini-panoptic-convergence", "mini-verdicts")
    assert figures == {f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "pdf")}
    linked = re.findall(r"\]\((figures/[^)]+)\)", built["markdown"].read_text())
    assert len(linked) == 3 and all((out / name).is_file() for name in linked)


def test_csv_files_read_back_as_the_frames(built, store):
    results = pd.read_csv(built["results"], dtype={"table": str})
    pd.testing.assert_frame_equal(results, read_results(store).frame, check_dtype=False)
    comparison = pd.read_csv(built["comparison"], dtype={"table": str})
    panoptic = comparison[comparison["task"] == "panoptic"].set_index("variant")
    assert panoptic.loc["masked attention", "ours"] == pytest.approx((57.8 + 57.1 + 58.9) / 3)
    assert panoptic.loc["<b>x</b> $ _ #", "paper"] == 47.2
    # Differences -8.3, -9.0, -8.7 against the paper's -4.8; -7.8, 1.3, -4.9 reach zero.
    assert panoptic["verdict"].tolist() == ["reproduced", "below what this can tell", "baseline"]


def test_the_environment_says_where_the_numbers_come_from(built):
    head = built["markdown"].read_text().split("## Environment")[1]
    for words in ("generated scenes", "f" * 16, "0, 1 and 2", "Python 3.11.7, torch 2.13.0", "A processor, 2 cores"):
        assert words in head
    assert "cccccccccccc (with uncommitted changes)" in head and "1 for each run" in head and "mmcv" not in head


def test_settings_changed_by_the_user_are_named(built):
    assert "Run with changed settings:** train\\_cfg.max\\_iters=1000." in built["markdown"].read_text()


def test_a_copied_store_gives_the_same_bytes(built, store, tmp_path):
    shutil.copytree(store, tmp_path / "copy")
    build(tmp_path / "copy", [], tmp_path / "out")
    first, second = files_under(built["pdf"].parent), files_under(tmp_path / "out")
    assert {Path(name).suffix for name in first} == {".pdf", ".html", ".md", ".csv", ".tex", ".svg", ".json"}
    assert first.keys() == second.keys()
    for name, data in first.items():
        assert second[name] == data, name


def files_under(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_nothing_to_report(tmp_path, store):
    with pytest.raises(InputError, match=r"no finished run to report; `m2f run 4c --scale mini --store"):
        build(open_store(tmp_path / "empty"), ["4c"], tmp_path / "out")
    with pytest.raises(InputError, match="There is no store"):
        build(tmp_path / "nowhere", [], tmp_path / "out")
    with pytest.raises(InputError, match="Unknown table '99'"):
        build(store, ["99"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_run_is_named_and_left_out(store, tmp_path):
    shutil.copytree(store, tmp_path / "copy")
    damaged = next((tmp_path / "copy" / "runs").iterdir()) / "history.json"
    damaged.write_text('[{"iteration": 5')
    said = []
    text = build(tmp_path / "copy", [], tmp_path / "out", say=said.append)["markdown"].read_text()
    (sentence,) = said
    assert sentence.startswith(f"Left out: {damaged} cannot be used (")
    assert sentence.endswith("remove its run directory and give the `m2f run` that made it again.")
    assert "### Runs left out" in text and damaged.parent.name in text
    assert len(read_results(tmp_path / "copy").runs) == len(read_results(store).runs) - 1


def test_an_output_that_cannot_be_written_is_named(store, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file cannot be written .*--out"):
        build(store, [], tmp_path / "file")


def test_missing_seeds_are_named_with_their_command(store, tmp_path):
    shutil.copytree(store, tmp_path / "copy")
    runs = read_results(store).frame
    lost = runs.loc[(runs["variant"] == "cross-attention") & (runs["seed"] == 2), "run"].iloc[0]
    state = tmp_path / "copy" / "runs" / lost / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "state": "failed"}))
    text = build(tmp_path / "copy", [], tmp_path / "out")["markdown"].read_text()
    command = "m2f run 4c --scale mini --tasks panoptic --seeds 0,1,2 --override train_cfg.max_iters=1000"
    assert f"In the panoptic task, cross-attention lacks seed 2: `{command}`" in text


def test_without_tables_the_whole_paper_is_asked_for(built):
    text = built["markdown"].read_text()
    assert "| Table 1: Panoptic segmentation | lite and paper | `m2f run 1 --scale paper` |" in text
    assert "| Figure II: Panoptic quality after each decoder layer |" in text
    for figure in (
        "Figure I(a): Where a query looks",
        "Figure V: Predictions, panoptic",
        "Figure VII: Predictions, semantic",
    ):
        assert f"| {figure} | mini | `m2f run " in text
    judged = [study for study in STUDIES.values() if study.submission]
    assert text.count("| `m2f eval ") == len(judged) == 3
    others = len(STUDIES) - 5 - len(judged) + 4
    assert text.count("| `m2f run ") == others, "all but 4(c), `baseline` and S1 to S3; Figures I(a) and V to VII"


def test_named_tables_are_the_whole_report(store, tmp_path):
    text = build(store, ["4c", "4d"], tmp_path)["markdown"].read_text()
    assert "| Table 4(d): " in text and "Table 4(e)" not in text


def test_commands_name_the_store_that_the_user_named(store, tmp_path):
    text = build(store, ["4c", "4d"], tmp_path, name_store=True)["markdown"].read_text()
    commands = re.findall(r"`(m2f run [^`]+)`", text)
    assert len(commands) == 2 and all(command.endswith(f" --store {store}") for command in commands)


def test_commands_import_a_user_s_modules(section, store, tmp_path, monkeypatch):
    rows = (*section.study.variations, Variation("mine", {"a": 1}, provenance="own", imports=("my_rows",)))
    monkeypatch.setitem(STUDIES, "4c", replace(section.study, variations=rows))
    text = build(store, ["4c"], tmp_path)["markdown"].read_text()
    commands = re.findall(r"`(m2f run [^`]+)`", text)
    assert len(commands) == 2 and all(command.endswith(" --import my_rows") for command in commands)


def test_captions_tell_intervals_and_bands_of_several_seeds(built):
    text = built["markdown"].read_text()
    assert "ours with its 95% interval." in text and "with a band from the lowest to the highest seed." in text


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


def test_html_numbers_equal_the_frame(measured, html_page):
    rows = parse_html(html_page).tables["comparison panoptic"][1:]
    assert len(rows) == len(measured)
    for cells, row in zip(rows, measured, strict=True):
        text = [cell for cell, _ in cells]
        assert text[0].removesuffix(" (baseline)") == row["variant"]
        assert text[1:3] == [row["metric"], number(row["paper"])] and float(cells[2][1]) == row["paper"]
        assert float(cells[3][1]) == row["ours"] and read_number(text[3]) == pytest.approx(row["ours"], abs=0.051)
        assert text[4] == str(row["n"]) and text[7] == row["verdict"] and text[9] == row["provenance"]
        if row["verdict"] != "baseline":
            assert float(cells[6][1]) == row["difference"]
            assert read_number(text[6]) == pytest.approx(row["difference"], abs=0.051)


def test_markdown_numbers_equal_the_frame(measured, markdown):
    rows = parse_markdown(markdown)
    start = next(position for position, row in enumerate(rows) if row[0] == "Design" and row[1] == "Metric") + 2
    for cells, row in zip(rows[start : start + len(measured)], measured, strict=True):
        assert cells[0].removesuffix(" (baseline)") == row["variant"]
        assert cells[2] == number(row["paper"]) and read_number(cells[3]) == pytest.approx(row["ours"], abs=0.051)
        assert cells[4] == str(row["n"]) and cells[7] == row["verdict"]
        assert len(cells) == 11


def test_pdf_numbers_equal_the_frame_and_names_are_text(content, measured, pdf_tables):
    cells = next(cells for cells in pdf_tables(content) if len(cells) == 11 * len(measured))
    for start, row in zip(range(0, len(cells), 11), measured, strict=True):
        assert cells[start].removesuffix(" (baseline)") == row["variant"]
        assert cells[start + 2] == number(row["paper"])
        assert read_number(cells[start + 3]) == pytest.approx(row["ours"], abs=0.051)
        assert cells[start + 7] == row["verdict"]


def test_the_summary_counts_the_verdicts(content, pdf_tables, html_page, markdown):
    counts = ["3", "1", "0", "0", "1", "0", "2 of 2"]
    (_, summary) = parse_html(html_page).tables["summary None"]
    assert [text for text, _ in summary] == ["Table 4(c): cross-attention", "mini", "panoptic", *counts]
    assert ["Table 4(c): cross-attention", "mini", "panoptic", *counts] in parse_markdown(markdown)
    assert ["Table 4(c): cross-attention", "panoptic", *counts] in pdf_tables(content)


def test_every_format_begins_with_the_message(content, pdf_elements, html_page, markdown):
    """In the HTML and the PDF the sentence, the plot and the counts stand before any heading of a table."""
    counted = "1 of the paper's 2 differences reproduced, none the other way and 1 below what these runs can tell"
    words = f"At mini scale: {counted}."
    (scale,) = content.data["scales"]
    assert scale["sentence"] == words and words in markdown.split("## Verdicts")[0]
    first = html.unescape(html_page.split("<h2>")[0])
    assert words in first and first.count("<svg") == 1 and '<table class="counts"' in first
    assert "](figures/mini-verdicts.svg)" in markdown.split("## Verdicts")[0]
    assert pdf_elements(content, "figure")[0]["caption"]["body"]["text"] == scale["forest"]["caption"]


def test_every_format_has_the_table_in_the_paper_s_shape(pdf_tables, content, html_page, markdown):
    values = ["47.1", "49.3", DASH, "213", "213.0"]
    differences = [f"{MINUS}4.8", f"{MINUS}8.7", "", "", ""]
    rows = parse_html(html_page).tables["as-printed None"]
    assert [text for text, _ in rows[0]] == ["", "PQ", "mIoU", "FLOPs, G"]
    together = [value + difference for value, difference in zip(values, differences, strict=True)]
    assert [text for text, _ in rows[2]] == ["cross-attention", *together]
    small = [
        f"{value} <sub>{difference}</sub>" if difference else value
        for value, difference in zip(values, differences, strict=True)
    ]
    assert ["cross-attention", *small] in parse_markdown(markdown)
    cells = pdf_tables(content)[1]
    assert cells[:6] == ["cross-attention", *together]
    assert "| **51.9** | **57.9** |" in markdown and re.search(
        r"<td><strong><a href=[^>]*>57.9</a></strong>", html_page
    )


def test_every_format_shows_the_costs_and_what_lies_outside(content, section, costs, pdf_tables, html_page, markdown):
    lines = [list(line.values()) for line in cost_rows(section.study, costs)]
    assert [line[5] for line in lines] == ["inside", "no paper number", "outside"]
    rows = parse_markdown(markdown)
    start = rows.index(["Design", "Cost", "Paper", "Reference", "Difference", "Tolerance", "m2f"]) + 2
    assert rows[start : start + len(lines)] == lines
    assert [[text for text, _ in row] for row in parse_html(html_page).tables["costs None"][1:]] == lines
    first = ["cross-attention", "213", "213.0", "0.0%", "213.0", DASH]
    assert [*first, "<b>x</b> $ _ #", "213", "223.7", "+5.0% outside", DASH, "45.3"] in pdf_tables(content)
    assert cost_summary(costs) in html.unescape(html_page) and cost_summary(costs) in markdown


def test_rows_with_the_same_reason_share_a_line(html_page, markdown):
    assert "- cross-attention; masked attention: exact. section 3.2" in markdown
    assert "<strong>cross-attention; masked attention</strong> (exact): section 3.2" in html_page


def test_html_holds_each_picture_once_however_often_it_is_shown(content, html_page):
    pictures = [name for name in content.files if name.startswith("samples/")]
    shown = [
        name
        for row in content.data["scales"][0]["tables"][0]["tasks"][0]["gallery"]["rows"]
        for name in row["predictions"]
    ]
    assert len(re.findall(r"<image id=", html_page)) == len(pictures)
    assert len(re.findall(r"<use href=\"#samples", html_page)) == len(shown) + 2 * 2


def test_html_loads_nothing_and_holds_no_foreign_markup(html_page):
    loads = parse_html(html_page).loads
    assert loads and all(target.startswith(("#", "data:")) for target in loads)
    assert not re.search(r"@import|url\((?!#)", html_page)
    assert "<b>" not in html_page and html_page.count("<script") == 1 and html.escape("<b>x</b> $ _ #") in html_page


def test_html_ids_are_unique_and_links_lead_somewhere(html_page):
    ids = re.findall(r'\sid="([^"]+)"', html_page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', html_page)) <= set(ids)


def test_every_format_names_the_scale_first(html_page, markdown):
    assert "Scale: MINI" in markdown[:200] and "not COCO numbers" in markdown[:500]
    assert parse_html(html_page) and "mini scale" in html_page.split("<h2>")[0]


def test_pdf_has_a_first_page_and_more(content):
    pdf = render_pdf(content)
    assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", pdf)) > 1


def test_only_several_tables_have_a_list_of_contents(section, runs, content, pdf_elements):
    assert pdf_elements(content, "outline") == []
    other = replace(section, study=replace(section.study, table="XIa"))
    assert len(pdf_elements(compose([section, other], runs, absent=[], costs=[]), "outline")) == 1


def test_missing_results_are_named_with_their_command(html_page, markdown):
    command = "m2f run 4c --scale mini --tasks semantic"
    for text in (markdown, html_page):
        assert "The semantic task was not run: " in text and command in text
        assert "Not run at all: semantic of Table 4(c) (mini scale)." in text
        assert "Table 4(d)" in text and "m2f run 4d --scale mini" in text
