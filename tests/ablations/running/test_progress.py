import io

import pytest
from rich.console import Console

from ablations.running import progress
from ablations.running.progress import Display, View, live_view, progress_words, sweep_words
from ablations.store.claims import claim
from ablations.store.record_writing import write_done, write_failed, write_running
from ablations.store.run_record import RunRecord, State
from m2f.files import write_json

TRAIN = {"phase": "train", "iteration": 30, "iterations": 100, "loss": 12.3456, "eta_seconds": 70.2}


def show(runs, console):
    return Display(runs, {directory: RunRecord(directory).state for directory in runs.values()}, console)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "starting"),
        (TRAIN, "train 30/100, 0:01:10 left, loss 12.346"),
        ({**TRAIN, "phase": "evaluate", "loss": None, "eta_seconds": None}, "evaluate 30/100"),
    ],
)
def test_progress_in_words(content, words):
    assert progress_words(content) == words


def test_plain_lines_tell_start_phases_and_end(run_directories, console, monkeypatch):
    monkeypatch.setattr(progress, "POLL_SECONDS", 0)
    first, second = run_directories()
    with show({"first [a]": first, "second": second}, console) as display:
        with claim(first):
            write_running(first)
            for _ in range(3):
                display.update([first])
            for phase in ("train", "train", "evaluate"):
                write_json(first / "progress.json", {**TRAIN, "phase": phase})
                display.update([first])
            write_done(first, {"PQ": 51.92, "SQ": 80.0})
        write_failed(second, "the loss became nan", "error")
    lines = [line.split(maxsplit=1)[1] for line in console.file.getvalue().splitlines()]
    assert lines == [
        "started      first [a]",
        "running      first [a]: train 30/100, 0:01:10 left, loss 12.346",
        "running      first [a]: evaluate 30/100, 0:01:10 left, loss 12.346",
        "done         first [a]: PQ 51.9 after 0:00:00",
        "failed       second: the loss became nan",
    ]


def test_plain_lines_come_again_after_a_while(run_directories, console, monkeypatch):
    monkeypatch.setattr(progress, "POLL_SECONDS", 0)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    directory = run_directories()[0]
    write_json(directory / "progress.json", TRAIN)
    with claim(directory), show({"run": directory}, console) as display:
        write_running(directory)
        for _ in range(3):
            display.update([directory])
    assert console.file.getvalue().count("30/100") >= 2


def test_the_end_of_an_earlier_attempt_is_not_told_again(run_directories, console):
    first, second = run_directories()
    for directory in (first, second):
        write_failed(directory, "the loss became nan", "error")
    with show({"first": first, "second": second}, console):
        write_failed(first, "the loss became nan", "error")
    assert [line.split(maxsplit=1)[1] for line in console.file.getvalue().splitlines()] == [
        "failed       first: the loss became nan"
    ]


def test_live_view_shows_runs_under_way_and_counts():
    views = [
        View("4c SMCA, panoptic, seed 0", State("running"), TRAIN),
        View("4c other, panoptic, seed 0", State("done"), TRAIN),
        View("4c third, panoptic, seed 0", State("failed"), {}),
        View("4c fourth, panoptic, seed 0", State("planned"), {}),
        View("4c fifth, panoptic, seed 0", State("interrupted"), {}),
    ]
    assert sweep_words(views) == "1 done, 1 running, 1 failed, 2 left"
    assert live_view(views, 120).splitlines() == [
        "under way",
        "4c SMCA, panoptic, seed 0  train 30/100, 0:01:10 left, loss 12.346",
        "1 done, 1 running, 1 failed, 2 left",
    ]
    assert live_view(views, 60).splitlines()[1] == "4c SMCA, panoptic, seed 0  train 30/100, 0:01:10 left, loss…"


def test_terminal_keeps_ends_above_the_live_view(run_directories):
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    directory = run_directories()[0]
    with show({"first": directory}, console):
        write_done(directory, {"PQ": 51.92})
    assert "done         first: PQ 51.9" in console.file.getvalue()
    assert "1 done, 0 running, 0 failed, 0 left" in console.file.getvalue()
