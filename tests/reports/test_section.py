from types import SimpleNamespace

import pandas as pd
import pytest

from ablations.reports.section import Section, changes, missing
from ablations.studies import STUDIES


def identity(overrides, **other):
    known = {"task": "panoptic", "dataset": "scenes", "split": "val2017", "data_fingerprint": "the usual"}
    return SimpleNamespace(identity={"overrides": overrides, **known, **other}, recorded=False)


@pytest.fixture
def changed():
    """What the user changed of the runs of a table's row, one a seed, as a report says it."""

    def ask(*overrides, table="4a", variant="- masked attention", **last):
        seeds = range(len(overrides))
        results = pd.DataFrame({"variant": variant, "seed": seeds, "run": [f"run {seed}" for seed in seeds]})
        section = Section(STUDIES[table], "mini", results, pd.DataFrame(), pd.DataFrame(), scale_word="mini")
        runs = {f"run {seed}": identity(of, **(last if seed == seeds[-1] else {})) for seed, of in enumerate(overrides)}
        for name, run in runs.items():
            run.name = name
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


def test_seeds_of_an_edited_config_are_named():
    results = pd.DataFrame({"variant": "- masked attention", "seed": range(3), "run": ["run 0", "run 1", "run 2"]})
    section = Section(STUDIES["4a"], "mini", results, pd.DataFrame(), pd.DataFrame(), scale_word="mini")
    runs = {}
    for name, iterations in zip(results["run"], (60, 600, 600), strict=True):
        runs[name] = identity({})
        vars(runs[name]).update(name=name, recorded=True, source=None, config={"train_cfg": {"max_iters": iterations}})
    assert changes(section, runs) == {"train_cfg.max_iters=60": " in 1 of 3 runs (seed 0)"}


def test_only_what_the_table_s_own_runs_lack_is_missed():
    """Other tables may have given some of its rows more seeds."""
    rows = [(row.name, seed) for row in STUDIES["4c"].variations for seed in (0, 1)]
    results = pd.DataFrame(rows, columns=["variant", "seed"]).assign(
        task="panoptic", metric="PQ", value=50.0, borrowed=False
    )

    shared = results[results["variant"] == "SMCA"].assign(seed=2, borrowed=True)
    assert told_missing(pd.concat([results, shared])) == []
    (gap,) = told_missing(pd.concat([results[(results["variant"] != "SMCA") | (results["seed"] != 0)], shared]))
    assert gap["text"] == "In the panoptic task, SMCA lacks seed 0"


def told_missing(results, asked=()):
    section = Section(
        *(STUDIES["4c"], "mini", results, pd.DataFrame(), pd.DataFrame(), "mini"),
        asked={("4c", "mini", "panoptic", variant, seed) for variant, seed in asked},
    )
    return missing(section, "panoptic", [], "")


@pytest.mark.parametrize(
    ("own", "asked", "lacks"),
    [
        ((0, 1), (0, 1), None),  # --until gave the others seeds 2 and 3
        ((0, 1), (0, 1, 2), "seed 2"),
        ((0, 3), (), "seeds 1 and 2"),
        ((), (), "seeds 0, 1, 2 and 3"),
    ],
)
def test_seeds_that_a_row_was_not_asked_for_are_not_missed(own, asked, lacks):
    seeds = {row.name: own if row.name == "SMCA" else (0, 1, 2, 3) for row in STUDIES["4c"].variations}
    rows = [(name, seed) for name, of_row in seeds.items() for seed in of_row]
    results = pd.DataFrame(rows, columns=["variant", "seed"]).assign(
        task="panoptic", metric="PQ", value=50.0, borrowed=False
    )
    gaps = told_missing(results, [("SMCA", seed) for seed in asked])
    assert [gap["text"] for gap in gaps] == ([f"In the panoptic task, SMCA lacks {lacks}"] if lacks else [])
