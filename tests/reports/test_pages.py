"""The pages beside the tables: environment, predictions in detail, attention."""

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from ablations.reports.content import compose
from ablations.reports.markdown import pictures, render_markdown
from ablations.reports.pdf import render_pdf
from ablations.reports.runs import facts, packages

PACKAGES = {"torch": "2.13.0", "scipy": "1.16.0", "absent": None}


@pytest.fixture
def with_pictures(content):
    """The report with a page of predictions and one of attention, as a store with such samples has it."""
    names = [f"samples/{number}.png" for number in range(5)]
    stream = BytesIO()
    Image.new("RGB", (8, 6)).save(stream, "PNG")
    row = {"id": "139", "value": "PQ 71.2", "failure": False}
    row |= dict(zip(("image", "truth", "prediction"), names, strict=False))
    panel = {
        "anchor": "figV-mini",
        "label": "Figure V",
        "title": "predictions",
        "task": "panoptic",
        "scale": "mini",
        "design": "<b>x</b> $ _ #",
        "note": "Best and worst.",
        "rows": [row, {**row, "id": "285", "failure": True}],
    }
    attention = {
        "anchor": "figIa-mini",
        "label": "Figure I(a)",
        "scale": "mini",
        "note": "Where a query looks.",
        "image": names[0],
        "truth": names[1],
        "columns": ["1/32", "1/16"],
        "rows": [{"design": "masked attention", "pictures": names[3:]}],
    }
    files = {**content.files, **dict.fromkeys(names, stream.getvalue())}
    return replace(content, data={**content.data, "panels": [panel], "attention": [attention]}, files=files)


def test_markdown_shows_predictions_and_attention_and_marks_failures(with_pictures):
    text = render_markdown(with_pictures)
    assert r"\<b\>x\</b\> \$ \_ \#. Best and worst." in text
    pictures_of_row = "![image](samples/0.png) | ![ground truth](samples/1.png) | ![prediction](samples/2.png) |"
    assert f"| 139 | PQ 71.2 |  | {pictures_of_row}" in text
    assert f"| 285 | PQ 71.2 | failure | {pictures_of_row}" in text
    assert "| masked attention | ![attention](samples/3.png) | ![attention](samples/4.png) |" in text
    assert pictures(with_pictures) == [f"samples/{number}.png" for number in range(5)]


def test_pdf_has_a_page_of_each_kind(with_pictures, content, pdf_elements):
    def headings(of):
        return [heading["body"] for heading in pdf_elements(of, "heading") if heading["level"] == 1]

    assert len(headings(with_pictures)) == len(headings(content)) + 2
    shown = len(pdf_elements(with_pictures, "image")) - len(pdf_elements(content, "image"))
    assert shown == 2 * 3 + 2 + 2
    assert render_pdf(with_pictures).startswith(b"%PDF")


def test_a_report_without_such_samples_has_none(content):
    assert content.data["panels"] == [] and content.data["attention"] == []
    assert pictures(content) == []


def test_the_environment_lists_the_runs_behind_each_table(content, pdf_rows):
    row = ["Table 4(c)", "panoptic", "9", "0, 1 and 2", "cccccccccccc (with uncommitted changes)"]
    assert (["Table", "Task", "Runs", "Seeds", "Commits"], [row]) in pdf_rows(content)
    assert f"| {' | '.join(row)} |" in render_markdown(content)


def test_machine_precision_and_packages_are_told_as_far_as_runs_kept_them(runs, section, kept_run):
    (run, *_) = runs.values()
    environment = {
        **run.environment,
        "packages": PACKAGES,
        "memory": 33.5,
        "gpus": ["NVIDIA H100, 570.1"],
        "precision": {"wrapper": "AmpOptimWrapper", "type": "bfloat16", "matrix_products": "highest"},
    }
    newer = kept_run("newer", {"total": 1.0}, environment=environment)
    told = {fact["name"]: fact["value"] for fact in facts([newer])}
    assert told["Machine"] == "A processor, 2 cores, 33.5 GB, NVIDIA H100, 570.1, Linux"
    assert told["Precision"] == "bfloat16 (AmpOptimWrapper), float32 matrix products highest"
    assert told["Versions"] == "Python 3.11.7, torch 2.13.0"
    assert packages([newer, run]) == "torch 2.13.0, scipy 1.16.0"
    assert {fact["name"]: fact["value"] for fact in facts([run])}["Precision"] == "not recorded by these runs"
    renewed = compose([section], dict.fromkeys(runs, newer), [], [])
    assert "Packages: torch 2.13.0, scipy 1.16.0." in render_markdown(renewed)
