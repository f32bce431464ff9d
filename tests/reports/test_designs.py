import html
import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from ablations.comparing.designs import Design, SideBySide, differences, largest_first
from ablations.comparing.pictures import drawn_images
from ablations.reports.class_figure import class_caption, class_figure
from ablations.reports.designs import metric_table, show, write_page
from ablations.reports.text import MINUS
from ablations.store.run_record import RunRecord
from m2f.errors import InputError

MARKUP = "<b>x</b> $ _ #"
DESIGNS = [
    Design("4c", "masked attention", {0: RunRecord(Path("a")), 1: RunRecord(Path("b"))}),
    Design("mine", MARKUP, {0: RunRecord(Path("c"))}),
]


PLOT = {"figures/classes.svg", "figures/classes.pdf"}


class Cells(HTMLParser):
    """The words of each table's rows."""

    def __init__(self):
        super().__init__()
        self.rows, self.cell = [], None

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell:
            self.rows[-1][-1] += data


def frame(name, values):
    """A frame of both designs; of each key the values of the first design's two seeds and of the other's one."""
    first = pd.DataFrame(
        {0: {key: own[0] for key, own in values.items()}, 1: {key: own[1] for key, own in values.items()}}
    )
    second = pd.DataFrame({0: {key: own[2] for key, own in values.items()}})
    return differences(name, DESIGNS, [first, second])


@pytest.fixture
def designs():
    return SideBySide(
        "panoptic",
        "mini",
        DESIGNS,
        frame("metric", {"PQ": (48.0, 49.0, 40.5), "RQ": (58.0, 58.0, math.nan)}),
        largest_first("class", frame("class", {"disk": (10.0, 11.0, 12.0), f"sand {MARKUP}": (50.0, 50.0, 20.0)})),
        largest_first("image", frame("image", {str(image): (50.0, 50.0, 50.0 + image) for image in range(9)})),
    )


@pytest.fixture
def shown(designs):
    console = Console(file=io.StringIO(), width=200)
    show(designs, console)
    return console.file.getvalue()


def rows(text):
    return [re.split(r"\s{2,}", line) for line in text.splitlines()]


def test_the_terminal_has_metrics_classes_and_images(shown):
    assert shown.splitlines()[0] == f"'mine:{MARKUP}' compared with '4c:masked attention': panoptic, scale mini"
    assert ["metric", "4c:masked attention", f"mine:{MARKUP}", "pairs", "difference"] in rows(shown)
    assert ["PQ", "48.5 ± 6.4", "40.5", "1", f"{MINUS}7.5"] in rows(shown)
    assert ["RQ", "58.0 ± 0.0", "—", "0", "—"] in rows(shown)
    assert [f"sand {MARKUP}", "50.0", f"20.0 ({MINUS}30.0)"] in rows(shown)
    images = [row[0] for row in rows(shown) if len(row) == 3 and row[0].isdigit()]
    assert images == ["8", "7", "6", "5", "4", "3"]
    assert "PQ of 6 of 9 images" in shown and "PQ of all 2 classes" in shown


def test_the_page_has_the_same_numbers_and_the_reason_why_there_are_no_pictures(designs, tmp_path):
    written = write_page(designs, tmp_path / "out", drawn_images)
    assert set(written) == {"index.html", "metrics.csv", "classes.csv", "images.csv", *PLOT}
    page = written["index.html"].read_text()
    cells = Cells()
    cells.feed(page)
    assert ["PQ", "48.5 ± 6.4", "40.5", "1", f"{MINUS}7.5", ""] in cells.rows
    assert [f"sand {MARKUP}", "50.0", f"20.0 ({MINUS}30.0)"] in cells.rows
    assert "<b>x" not in page.replace("&lt;b&gt;", "")
    assert "The images are not drawn: a has no checkpoint to evaluate" in page
    pd.testing.assert_frame_equal(pd.read_csv(written["metrics.csv"]), designs.metrics)


def test_three_designs_have_rows_of_their_own(designs):
    third = Design("4c", "SMCA", {0: RunRecord(Path("d"))})
    frames = [pd.DataFrame({0: {"PQ": value}}) for value in (48.0, 40.5, 50.0)]
    three = replace(designs, designs=[*DESIGNS, third], metrics=differences("metric", [*DESIGNS, third], frames))
    heads, rows = metric_table(three)
    assert heads == ["design", "metric", "mean", "n", "difference", "p"]
    assert [[cell["words"] for cell in row] for row in rows] == [
        ["4c:masked attention", "PQ", "48.0", "1", "", ""],
        [f"mine:{MARKUP}", "PQ", "40.5", "1", f"{MINUS}7.5", ""],
        ["4c:SMCA", "PQ", "50.0", "1", "+2.0", ""],
    ]


def test_the_plot_tells_every_class_the_one_that_gains_most_first(designs):
    told = re.findall(r"<title>(.*?)</title>", class_figure(designs)["svg"].decode())
    assert [html.unescape(words) for words in told] == [
        f"disk, mine:{MARKUP}: PQ +2.0",
        f"sand {MARKUP}, mine:{MARKUP}: PQ {MINUS}30.0",
    ]
    assert "every class" in class_caption(designs)


def test_of_many_classes_the_plot_shows_those_that_differ_most(designs):
    many = frame("class", {f"class {place}": (50.0, 50.0, 50.0 + place) for place in range(60)})
    crowded = replace(designs, classes=largest_first("class", many))
    told = re.findall(r"<title>class (\d+),", class_figure(crowded)["svg"].decode())
    assert list(map(int, told)) == list(range(59, 19, -1))
    assert "the 40 of 60 classes that differ most" in class_caption(crowded)


def test_without_details_the_page_says_so(designs, tmp_path):
    nothing = pd.DataFrame()
    bare = SideBySide(designs.task, designs.scale, designs.designs, designs.metrics, nothing, nothing)
    written = write_page(bare, tmp_path, drawn_images)
    assert set(written) == {"index.html", "metrics.csv"}
    assert "Not all of these runs keep values by class and image" in written["index.html"].read_text()


def test_runs_that_were_not_made_alike_are_told_in_the_terminal_and_on_the_page(designs, tmp_path):
    changes = ("data of other content in 1 of 3 runs (seed 1)",)
    mixed = replace(designs, images=pd.DataFrame(), changes=changes, on_other_data=True)
    console = Console(file=io.StringIO(), width=200)
    show(mixed, console)
    written = write_page(mixed, tmp_path, drawn_images)
    assert "images.csv" not in written
    for words in (console.file.getvalue(), written["index.html"].read_text()):
        assert f"Run with changed settings: {changes[0]}." in words
        assert "Images are left out: these runs are on data of other content" in words


def test_a_place_that_cannot_be_written(designs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file cannot be written .*--out"):
        write_page(designs, tmp_path / "file", drawn_images)
