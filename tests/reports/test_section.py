from types import SimpleNamespace

import pandas as pd
import pytest

from ablations.reports.section import Section, changes, missing, value_at
from ablations.studies import STUDIES


def identity(overrides, **other):
    known = {"task": "panoptic", "dataset": "scenes", "split": "val2017", "data_fingerprint": "the usual"}
    return SimpleNamespace(identity={"overrides": overrides, **known, **other})


@pytest.fixture
def changed():
    """What the user changed of the runs of a table's row, one a seed, as a report says it."""

    def ask(*overrides, table="4a", variant="- masked attention", **last):
        seeds = range(len(overrides))
        results = pd.DataFrame({"variant": variant, "seed": seeds, "run": [f"run {seed}" for seed in seeds]})
        section = Section(STUDIES[table], "mini", results, pd.DataFrame(), pd.DataFrame(), scale_word="mini")
        runs = {f"run {seed}": identity(of, **(last if seed == seeds[-1] else {})) for seed, of in enumerate(overrides)}
        return changes(section, runs)

    return ask


def test_what_is_not_as_the_scale_has_it(changed):
    found = changed({"train_cfg.max_iters": 7, "param_scheduler.1.milestones": [5, 6]})
    assert found == {"param_scheduler.1.milestones=[5, 6]": "", "train_cfg.max_iters=7": ""}


def test_what_the_scale_has_by_itself_is_no_change(changed):
    assert changed({"train_cfg.max_iters": 600, "param_scheduler.1.milestones": [540, 570]}) == {}


def test_what_the_row_changes_is_none(changed):
    assert changed(dict(STUDIES["4a"].variations[0].overrides)) == {}


def test_seeds_that_were_made_otherwise_than_the_others_are_named(changed):
    assert changed({}, {}, {"train_cfg.max_iters": 60}) == {"train_cfg.max_iters=60": " in 1 of 3 runs (seed 2)"}
    assert changed({}, {}, {}, data_fingerprint="another") == {"data of other content": " in 1 of 3 runs (seed 2)"}
    assert changed({}, {}, {}, data_fingerprint="another", task="semantic") == {}
    assert changed({}, {}, {}, data_fingerprint="") == {}, "of a baseline file's numbers nothing is known"


def test_only_what_the_table_s_own_runs_lack_is_missed():
    """Other tables may have given some of its rows more seeds."""
    rows = [(row.name, seed) for row in STUDIES["4c"].variations for seed in (0, 1)]
    results = pd.DataFrame(rows, columns=["variant", "seed"]).assign(
        task="panoptic", metric="PQ", value=50.0, borrowed=False
    )

    def told(of):
        shared = of[of["variant"] == "SMCA"].assign(seed=2, borrowed=True)
        section = Section(STUDIES["4c"], "mini", pd.concat([of, shared]), pd.DataFrame(), pd.DataFrame(), "mini")
        return missing(section, "panoptic", [], "")

    assert told(results) == []
    (gap,) = told(results[(results["variant"] != "SMCA") | (results["seed"] != 1)])
    assert gap["text"] == "In the panoptic task, SMCA lacks seed 1"


def test_a_value_at_a_dotted_key():
    values = {"a": [{"b": 1}, 2]}
    keys = ("a.0.b", "a.1", "a.2", "a.x", "a.1.b", "c")
    assert [value_at(values, key) for key in keys] == [1, 2, None, None, None, None]
