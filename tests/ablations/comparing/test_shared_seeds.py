import pandas as pd

from ablations.comparing.shared_seeds import BORROWED, with_shared_seeds
from ablations.store.results_frame import COLUMNS


def lines(table, variant, runs, metrics=("PQ",), scale="mini"):
    """A row's lines; ``runs`` are its runs by seed."""
    cell = {"method": "Mask2Former", "backbone": "R50", "dataset": "scenes", "split": "val", "task": "panoptic"}
    rows = [
        {**cell, "table": table, "variant": variant, "scale": scale, "seed": seed, "run": run, "unit": "%"}
        | {"metric": metric, "value": 50.0 + seed}
        for seed, run in runs.items()
        for metric in metrics
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def seeds(frame, table, variant, metric="PQ"):
    own = frame[(frame["table"] == table) & (frame["variant"] == variant) & (frame["metric"] == metric)]
    assert not own.duplicated(["seed", "metric"]).any()
    return dict(zip(own["seed"], own["run"], strict=True))


A = {0: "a0", 1: "a1", 2: "a2"}


def test_a_row_has_the_seeds_of_whatever_table_shares_a_run_with_it():
    first, second = lines("4c", "plain", A), lines("S1", "no mask", {2: "a2", 3: "a3"})
    third = lines("S2", "neither", {3: "a3", 4: "a4"})
    frame = with_shared_seeds(pd.concat([first, second, third, lines("S1", "other", {0: "b0"})]))
    whole = {**A, 3: "a3", 4: "a4"}
    for row in (("4c", "plain"), ("S1", "no mask"), ("S2", "neither")):
        assert seeds(frame, *row) == whole
    assert seeds(frame, "S1", "other") == {0: "b0"}
    added = frame[frame[BORROWED]]
    assert sorted(zip(added["table"], added["seed"], strict=True)) == [
        *[("4c", 3), ("4c", 4), ("S1", 0), ("S1", 1), ("S1", 4), ("S2", 0), ("S2", 1), ("S2", 2)]
    ]
    assert set(added.loc[added["table"] == "S1", "value"]) == {50.0, 51.0, 54.0}


def test_metrics_that_only_the_runs_have_come_with_them_and_those_of_another_evaluation_do_not():
    """Whatever metric a table prints; a second evaluation that one table alone asks for is none of the other's."""
    first = lines("4c", "plain", A, metrics=("PQ", "PQ_th"))
    again = lines("4d", "plain", {3: "a3 again"}, metrics=("PQ_ms",))
    second = lines("4d", "plain", {0: "a0", 3: "a3"}, metrics=("PQ", "PQ_th"))
    frame = with_shared_seeds(pd.concat([first, second, again]))
    assert seeds(frame, "4c", "plain", "PQ_th") == {**A, 3: "a3"}
    assert seeds(frame, "4c", "plain", "PQ_ms") == {}
    assert seeds(frame, "4d", "plain") == {**A, 3: "a3"}


def test_a_seed_that_a_row_has_is_its_own():
    frame = with_shared_seeds(pd.concat([lines("4c", "plain", A), lines("S1", "plain", {0: "a0", 1: "other"})]))
    assert seeds(frame, "4c", "plain") == A
    assert seeds(frame, "S1", "plain") == {0: "a0", 1: "other", 2: "a2"}


def test_other_scales_and_an_empty_frame():
    both = pd.concat([lines("4c", "plain", A), lines("S1", "plain", {3: "c3"}, scale="lite")])
    assert not with_shared_seeds(both)[BORROWED].any()
    assert with_shared_seeds(lines("4c", "plain", {})).empty
