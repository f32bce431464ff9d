"""Costs at the paper's scale: the report says what was counted, and what lies outside the tolerance."""

import csv
from dataclasses import replace

from ablations.costs.counted import METRICS, ROW
from ablations.paper import paper_results
from ablations.reports.build import build
from ablations.reports.content import compose
from ablations.reports.cost_rows import COSTS_CSV, cost_rows, cost_summary, counted_costs
from ablations.reports.html import render_html
from ablations.reports.markdown import render_markdown
from ablations.reports.text import DASH, MINUS
from ablations.studies import STUDIES

LINES = [
    ["cross-attention", "FLOPs, G", "213", "213.0", "0.0%", "inside", "213.0"],
    ["<b>x</b> $ _ #", "parameters, M", DASH, "45.3", DASH, "no paper number", DASH],
    ["<b>x</b> $ _ #", "FLOPs, G", "213", "223.7", "+5.0%", "outside", DASH],
]
SUMMARY = (
    "numbers of parameters, FLOPs and memory that the paper prints and that were counted: 3; outside the tolerance: 1 "
    "(Table 4(c), SMCA, Mask2Former, R50: FLOPs 223.7 G, the paper's 213 G)."
)


def test_a_line_holds_paper_reference_difference_tolerance_and_own(section, costs):
    assert [list(line.values()) for line in cost_rows(section.study, costs)] == LINES


def test_less_than_the_paper_has_a_minus(section, costs):
    (line,) = cost_rows(section.study, [replace(costs[0], value=191.7)])
    assert (line["difference"], line["tolerance"]) == (f"{MINUS}10.0%", "outside")


def test_a_study_without_counted_rows_has_no_lines(attention, costs):
    assert cost_rows(attention, costs) == []


def test_the_summary_names_what_lies_outside(costs):
    assert cost_summary(costs).endswith(SUMMARY)
    assert cost_summary(costs[:2]).endswith("counted: 1; outside the tolerance: none.")
    assert cost_summary(costs[2:3]) == ""


def test_a_table_without_costs_says_nothing_of_them(section, runs):
    content = compose([section], runs, absent=[], costs=[])
    assert "Costs at" not in render_markdown(content) + render_html(content)


def test_the_committed_costs_are_all_that_the_paper_prints_of_the_studies_rows():
    keys = {
        (study.table, variation.paper_row, variation.method, variation.backbone)
        for study in STUDIES.values()
        for variation in study.variations
    }
    printed = [
        row["value"]
        for row in paper_results().to_dict("records")
        if row["metric"] in METRICS and tuple(row[name] for name in ROW) in keys
    ]
    counted = [row.paper for row in counted_costs() if row.paper is not None]
    assert sorted(counted) == sorted(printed)


def test_markdown_numbers_are_the_files(store, tmp_path, monkeypatch, section):
    monkeypatch.setitem(STUDIES, "4c", section.study)
    files = build(store, ["4c"], tmp_path)
    with COSTS_CSV.open() as committed, files["costs"].open() as written:
        expected = list(csv.DictReader(committed))
        assert list(csv.DictReader(written)) == expected
    of_table = [row for row in expected if row["table"] == "4c"]
    value = {(row["variant"], row["metric"]): f"{float(row['value']):.1f}" for row in of_table}
    lines = [line.split(" | ") for line in files["markdown"].read_text().splitlines() if " | FLOPs, G | " in line]
    assert [line[0] for line in lines] == ["| cross-attention", r"| \<b\>x\</b\> \$ \_ \#", "| masked attention"]
    for variant, line in zip(("cross-attention", "SMCA", "masked attention"), lines, strict=True):
        assert (line[3], line[6]) == (value[variant, "flops"], value[variant, "flops_ours"] + " |")
