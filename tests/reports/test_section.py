from types import SimpleNamespace

import pandas as pd
import pytest

from ablations.reports.section import Section, changes, value_at
from ablations.studies import STUDIES


@pytest.fixture
def changed():
    """What the user changed of a run of a table's row, as a report says it."""

    def ask(overrides, table="4a", variant="- masked attention"):
        results = pd.DataFrame({"variant": [variant], "run": ["r"]})
        section = Section(STUDIES[table], "mini", results, pd.DataFrame(), pd.DataFrame(), scale_word="mini")
        return changes(section, {"r": SimpleNamespace(identity={"overrides": overrides, "task": "panoptic"})})

    return ask


def test_what_is_not_as_the_scale_has_it(changed):
    assert changed({"train_cfg.max_iters": 7, "param_scheduler.1.milestones": [5, 6]}) == [
        "param_scheduler.1.milestones=[5, 6]",
        "train_cfg.max_iters=7",
    ]


def test_what_the_scale_has_by_itself_is_no_change(changed):
    assert changed({"train_cfg.max_iters": 600, "param_scheduler.1.milestones": [540, 570]}) == []


def test_what_the_row_changes_is_none(changed):
    assert changed(dict(STUDIES["4a"].variations[0].overrides)) == []


def test_a_value_at_a_dotted_key():
    values = {"a": [{"b": 1}, 2]}
    keys = ("a.0.b", "a.1", "a.2", "a.x", "a.1.b", "c")
    assert [value_at(values, key) for key in keys] == [1, 2, None, None, None, None]
