import io

import pytest
from rich.console import Console

from ablations import evaluation
from ablations.evaluation import show, shown_progress
from m2f.engine.coco_evaluation import Evaluation


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def told(console, *counts):
    with shown_progress(console) as progress:
        for done in counts:
            progress(done, 10)
    return console.file.getvalue()


def test_lines_tell_start_and_end(console):
    assert told(console, 0, 5, 10).splitlines() == [
        "evaluating 10 images",
        "evaluated 10 images in 0:00:00, computing the metrics",
    ]


def test_a_line_in_between_when_the_last_one_is_old(console, monkeypatch):
    monkeypatch.setattr(evaluation, "LINE_SECONDS", 0)
    assert "evaluated 5/10 images, 0:00:00 left" in told(console, 0, 5, 10).splitlines()


def test_bar_on_a_terminal():
    text = told(Console(file=io.StringIO(), force_terminal=True, width=80), 0, 5, 10)
    assert "computing the metrics" in text
    assert "10/10" in text


def test_tables(console):
    classes = [
        {"class": "person", "kind": "thing", "segments": 12, "PQ": 51.234, "AP_pan_th": 40.0},
        {"class": "sky", "kind": "stuff", "segments": 0},
    ]
    show(Evaluation("c.py", "w.pth", "m2f", "data/coco", "val2017", 7, "", 0, 65.0, {"PQ": 51.9}, classes, []), console)
    lines = console.file.getvalue().splitlines()
    cells = [line.split() for line in lines]
    assert ["class", "kind", "segments", "PQ", "AP_pan_th"] in cells
    assert ["person", "thing", "12", "51.23", "40.00"] in cells
    assert ["sky", "stuff", "0"] in cells
    assert ["PQ", "51.90"] in cells
    assert lines[-1] == "7 images of data/coco, val2017, in 0:01:05"


def test_images_that_a_list_has_chosen_are_told(console):
    """The data set may have others by now, or be another."""
    show(Evaluation("c.py", "w.pth", "m2f", "data/x", "val", 7, "own/val.txt", 30, 65.0, {}, [], []), console)
    last = console.file.getvalue().splitlines()[-1]
    assert last == "7 of 37 images of data/x, those that own/val.txt names, in 0:01:05"


def test_the_tables_keep_to_the_terminal():
    narrow = Console(file=io.StringIO(), width=40)
    classes = [{"class": "a class of a very long name", "kind": "thing", "segments": 12, "PQ": 51.234}]
    show(Evaluation("c.py", "w.pth", "m2f", "coco", "val", 7, "", 0, 65.0, {"PQ": 51.9}, classes, []), narrow)
    assert max(map(len, narrow.file.getvalue().splitlines())) <= 40
