"""The page as text: what the script and the reader are given. What a browser makes of it is tested in browser/."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from ablations.reports.html import render_html


def data_values(page, table_class, column):
    """The numbers that a column of the first table of this class sorts by."""
    table = re.search(rf'<table class="{table_class}".*?</table>', page, re.DOTALL)[0]
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]
    cells = [re.findall(r"<t[dh][^>]*>", row)[column] for row in rows]
    return [re.search(r'data-value="([^"]*)"', cell)[1] for cell in cells]


def test_times_sort_by_seconds_and_dashes_by_nothing(content):
    page = render_html(content)
    assert data_values(page, "comparison", 10) == ["162", "162", "162"]  # 2.7 min
    assert data_values(page, "costs", 2) == ["213", "", "213"]
    assert data_values(page, "costs", 4) == ["0", "", "5"]  # in percent


def test_a_cell_links_to_the_runs_of_its_row_and_names_them(content, section):
    page = render_html(content)
    links = re.findall(r'href="#([^"]+)" title="its 3 runs: ([^"]+)"', page)
    assert len(links) == 3
    runs = section.results.drop_duplicates(["variant", "run"]).groupby("variant", sort=False)["run"].agg(list)
    for (target, names), variant in zip(links, ["cross-attention", "<b>x</b> $ _ #", "masked attention"], strict=True):
        group = re.search(rf'<tbody id="{target}">(.*?)</tbody>', page, re.DOTALL)[1]
        assert re.findall(r"<code>runs/(\w+)</code>", group) == names.split(", ") == runs[variant]


def test_a_row_that_was_not_run_has_no_link(content):
    data = content.data
    task = data["scales"][0]["tables"][0]["tasks"][0]
    lost = {**task, "runs": [run for run in task["runs"] if run["variant"] != "cross-attention"]}
    page = render_html(replace(content, data=with_task(data, lost)))
    assert len(re.findall(r'title="its 3 runs', page)) == 2


def with_task(data, task):
    (scale,) = data["scales"]
    (table,) = scale["tables"]
    return {**data, "scales": [{**scale, "tables": [{**table, "tasks": [task]}]}]}


def test_a_plot_in_the_page_keeps_its_words_and_takes_the_pages_ink(content):
    plot = re.search(r"<figure data-name[^>]*>(<svg.*?</svg>)", render_html(content), re.DOTALL)[1]
    values = [element for element in ElementTree.fromstring(plot).iter() if element.get("class") == "value"]
    assert [value[0].text.partition(":")[0] for value in values] == ["cross-attention", "<b>x</b> $ _ #"]
    assert "currentColor" in plot and "#1f2328" not in plot


@pytest.fixture
def pictured(content):
    """The content with a panel of samples and a map of attention."""
    names = [name for name in content.files if name.startswith("samples/")]
    panel_rows = [
        {"id": "7", "value": "PQ 71.2", "failure": False, "image": names[0], "truth": names[1], "prediction": names[2]},
        {"id": "8", "value": "PQ 1.5", "failure": True, "image": names[0], "truth": names[1], "prediction": names[3]},
    ]
    panel = {
        "anchor": "panel-V",
        "label": "Figure V",
        "title": "Best <and> worst",
        "task": "panoptic",
        "scale": "mini",
        "design": "<b>x</b> $ _ #",
        "note": "By PQ.",
        "rows": panel_rows,
    }
    attention = {
        "anchor": "attention-Ia",
        "label": "Figure I(a)",
        "scale": "mini",
        "note": "Where queries look.",
        "image": names[0],
        "truth": names[1],
        "columns": ["1/32", "1/16"],
        "rows": [{"design": "cross-attention", "pictures": names[2:4]}, {"design": "masked", "pictures": names[:2]}],
    }
    return replace(content, data={**content.data, "panels": [panel], "attention": [attention]})


def test_panels_name_the_value_and_the_failure(pictured):
    section = re.search(r'<section id="panel-V">.*?</section>', render_html(pictured), re.DOTALL)[0]
    assert "Figure V: Best &lt;and&gt; worst (mini scale)" in section and "By PQ." in section
    assert re.findall(r"<p>(image .*?)</p>", section) == ["image 7, PQ 71.2", "image 8, PQ 1.5, failure"]
    assert len(re.findall(r"<use ", section)) == 6


def test_maps_of_attention_stand_under_their_resolution(pictured):
    section = re.search(r'<section id="attention-Ia">.*?</section>', render_html(pictured), re.DOTALL)[0]
    assert re.findall(r'aria-label="([^"]+)"', section) == [
        "image",
        "ground truth",
        "cross-attention, 1/32",
        "cross-attention, 1/16",
        "masked, 1/32",
        "masked, 1/16",
    ]


def test_the_contents_lead_to_every_section(pictured):
    page = render_html(pictured)
    contents = re.search(r"<nav.*?</nav>", page, re.DOTALL)[0]
    assert re.findall(r'href="#([^"]+)"', contents) == re.findall(r'<section id="([^"]+)"', page)


def test_pixel_decoders_are_columns(content):
    page = {
        "anchor": "pixel-decoders-mini",
        "title": "Pixel decoders compared",
        "scale": "mini",
        "note": "A dash is a number that is not there.",
        "designs": ["FPN", "<b>x</b>"],
        "lines": [
            {"group": "Accuracy, panoptic", "measure": "PQ", "source": "paper", "cells": ["50.7", "51.9"]},
            {"group": "Cost", "measure": "parameters, M", "source": "m2f", "cells": ["40.1", "not counted"]},
        ],
        "figures": [],
        "missing": [{"text": "Not counted: x", "command": "m2f cost 4e"}],
    }
    text = render_html(replace(content, data={**content.data, "pixel_decoders": [page]}))
    section = re.search(r'<section id="pixel-decoders-mini">.*?</section>', text, re.DOTALL)[0]
    assert "<code>m2f cost 4e</code>" in section and "&lt;b&gt;x&lt;/b&gt;" in section
    rows = [re.findall(r">([^<]+)</t[dh]>", row) for row in re.findall(r"<tr>.*?</tr>", section)]
    assert rows[1:] == [
        ["Accuracy, panoptic"],
        ["PQ", "paper", "50.7", "51.9"],
        ["Cost"],
        ["parameters, M", "m2f", "40.1", "not counted"],
    ]
