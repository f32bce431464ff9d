"""A report that is renewed while its runs go on."""

import pytest

from ablations.reports.build import build
from ablations.reports.watch import WAITING, watch
from m2f.errors import InputError

LATER = (
    ("failed", "planned", "planned", "planned"),
    ("failed", "done", "planned", "planned"),
    ("failed", "done", "running", "planned"),
    ("failed", "done", "failed", "planned"),
    ("failed", "done", "failed", "done"),
)


def test_a_page_is_made_with_each_run_that_ends_and_none_without(store, monkeypatch):
    states = [("planned",) * 4]
    later = iter(LATER)
    monkeypatch.setattr(
        "ablations.reports.watch.run_states",
        lambda store, tables: [{"state": state} for state in states[-1]] if tables else [],
    )
    made: list[str] = []
    said: list[str] = []
    watch([store], ["4c"], made.append, said.append, wait=lambda _: states.append(next(later)))
    assert said == [WAITING]
    assert made == [
        "Runs go on: 1 done, 1 failed, 2 planned, of 4.",
        "Runs go on: 1 done, 2 failed, 1 planned, of 4.",
    ]
    assert next(later, None) is None


def test_runs_that_have_all_ended_are_not_waited_for(store):
    watch([store], [], pytest.fail, pytest.fail, wait=pytest.fail)


def test_what_is_no_store_is_not_waited_for(tmp_path):
    with pytest.raises(InputError, match="--watch needs a store"):
        watch([tmp_path], [], print, print)


def test_the_page_says_where_the_runs_stand_and_loads_itself_anew(store, tmp_path):
    assert build([store], ["4c"], tmp_path / "report", standing="Runs go on: 1 done.").keys() == {"html"}
    page = (tmp_path / "report" / "report.html").read_text()
    assert '<meta http-equiv="refresh" content="20">' in page and "Runs go on: 1 done." in page
    written = build([store], ["4c"], tmp_path / "report")
    assert all(path.exists() for path in written.values())
    page = (tmp_path / "report" / "report.html").read_text()
    assert 'http-equiv="refresh"' not in page and "Runs go on" not in page
