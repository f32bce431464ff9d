import math
from dataclasses import replace

import pytest

from ablations.planning.plan import Plan
from ablations.running.until import Target, account, half_widths, measured, until_known
from ablations.store.record_writing import write_done, write_failed
from ablations.store.run_record import RunRecord
from ablations.store.runs import create_run, run_directory, write_sweep
from ablations.studies.study import Evaluation, Study, Variation

# PQ of the study's rows by seed. The baseline is 40; the other row's differences vary by 2 points at first.
PLAIN = [41.0, 39.0, 41.0, 39.0, 40.0, 40.0, 40.0, 40.0, 40.0, 40.0, 40.0, 40.0]


@pytest.fixture
def grow(plan, study, store, tmp_path):
    """Carry out plans by writing down values; the outcome, what was said and the runs in their order."""
    done, said = [], []

    def carry(part, value, fails):
        write_sweep(store, part.cells)
        for _name, planned in part.runs.items():
            directory = create_run(store, planned.run, tmp_path / "data")
            if RunRecord(directory).state.name == "done":
                continue
            if fails(planned.cells[0]):
                write_failed(directory, "it diverged", "error")
            else:
                write_done(directory, {"PQ": value(planned.cells[0])})
                done.append(planned.label)
        return {name: RunRecord(run_directory(store, name)).state for name in part.runs}

    def run(points, most, value, seeds=(0, 1), fails=lambda cell: False, studies=(study,)):
        return until_known(
            Plan(tuple(plan(seeds=seeds, studies=studies))),
            lambda seed: Plan(tuple(plan(seeds=(seed,), studies=studies))),
            Target(points, most),
            studies,
            store,
            lambda part: carry(part, value, fails),
            said.append,
        )

    run.done, run.said = done, said
    return run


def of_plain(values):
    return lambda cell: 40.0 if cell.variant == "masked" else values[cell.run.seed]


def test_seeds_are_added_until_the_interval_is_narrow(grow):
    outcome = grow(1.0, 16, of_plain(PLAIN))
    (one,) = outcome.comparisons
    enough = len(one.seeds)
    halves = [half_widths({0: [value - 40 for value in PLAIN[:count]]})[0] for count in range(2, 12)]
    assert enough == 2 + next(place for place, half in enumerate(halves) if half <= 1.0) > 4
    assert one.seeds == tuple(range(enough)) and one.width == halves[enough - 2]
    assert set(grow.done) == {f"9z {row}, panoptic, seed {seed}" for row in ("plain", "masked") for seed in one.seeds}
    assert len(grow.said) == enough - 2
    first, second = account(outcome, Target(1.0, 16))
    assert first.startswith("1 of 1 differences from a baseline are known to ±1 points. Seeds were added to 1 by the")
    assert second == f"added: 9z plain, panoptic: ±{halves[0]:.2f} -> ±{one.width:.2f} points with {enough} seeds"


def test_a_metric_that_an_evaluation_adds_plays_no_part(grow, study):
    """Rows are compared by what their trainings measured; a seed more brings both runs."""
    again = replace(study, evaluation=Evaluation({}, adds="PQ_ms"))
    outcome = grow(1.0, 16, of_plain(PLAIN), studies=(again,))
    (one,) = outcome.comparisons
    assert one.width == grow_width(len(one.seeds))
    assert len(outcome.plan.cells) == 4 * len(one.seeds)


def grow_width(seeds):
    return half_widths({0: [value - 40 for value in PLAIN[:seeds]]})[0]


@pytest.mark.parametrize("shift", [-30.0, -1.0, 1.0, 30.0])
def test_neither_side_nor_size_of_the_difference_plays_a_part(grow, shift):
    (one,) = grow(1.0, 16, of_plain([value + shift for value in PLAIN])).comparisons
    narrow = [half_widths({0: [value - 40 for value in PLAIN[:count]]})[0] <= 1.0 for count in range(2, 12)]
    assert len(one.seeds) == 2 + narrow.index(True)
    assert one.differences[0] == pytest.approx(1.0 + shift)


def test_the_most_seeds_end_it(grow):
    outcome = grow(0.01, 4, of_plain(PLAIN))
    (one,) = outcome.comparisons
    assert one.seeds == (0, 1, 2, 3) and one.width > 1
    assert list(account(outcome, Target(0.01, 4)))[-1] == (
        f"still wider: 9z plain, panoptic: ±{one.width:.2f} points; it has the 4 seeds of --max-seeds"
    )


def test_the_same_again_trains_nothing_and_ends_in_the_same_place(grow):
    first = grow(1.0, 16, of_plain(PLAIN))
    done = list(grow.done)
    again = grow(1.0, 16, of_plain([0.0] * 12))
    assert grow.done == done and again.comparisons == first.comparisons


def test_a_stopped_round_goes_on(grow):
    def stopped(cell):
        if cell.run.seed == 3:
            raise KeyboardInterrupt
        return of_plain(PLAIN)(cell)

    with pytest.raises(KeyboardInterrupt):
        grow(1.0, 16, stopped)
    assert len(grow.done) == 6
    whole = grow(1.0, 16, of_plain(PLAIN)).comparisons
    assert len(grow.done) == len(set(grow.done)) == 2 * len(whole[0].seeds)


def test_a_row_whose_run_fails_gets_no_more_until_it_is_done(grow):
    outcome = grow(1.0, 16, of_plain(PLAIN), fails=lambda cell: (cell.variant, cell.run.seed) == ("plain", 2))
    (one,) = outcome.comparisons
    assert one.failed and one.seeds == (0, 1, 2)
    assert "a run of its last seed is not done" in list(account(outcome, Target(1.0, 16)))[-1]
    assert not grow(1.0, 16, of_plain(PLAIN)).comparisons[0].failed


def test_only_wide_rows_get_more_and_their_baselines(grow, study):
    wide = Variation("wide", {"train_cfg.max_iters": 20})
    three = replace(study, variations=(*study.variations, wide))
    values = {"masked": [40.0] * 12, "plain": [40.1, 40.0] * 6, "wide": PLAIN}
    outcome = grow(0.8, 16, lambda cell: values[cell.variant][cell.run.seed], range(5), studies=(three,))
    assert {one.rows[0][2]: len(one.seeds) for one in outcome.comparisons} == {"plain": 5, "wide": 6}
    assert {row: sum(f" {row}," in label for label in grow.done) for row in values} == {
        "masked": 6,
        "plain": 5,
        "wide": 6,
    }


def test_rows_that_are_the_same_runs_are_one_comparison(grow, study):
    other = replace(study, table="9y")
    outcome = grow(1.0, 16, of_plain(PLAIN), studies=(study, other))
    (one,) = outcome.comparisons
    assert one.rows == (("9z", "panoptic", "plain"), ("9y", "panoptic", "plain"))
    assert one.label == "9z plain, panoptic (and 1 more)"
    assert {cell.table for cell in outcome.plan.cells if cell.run.seed == one.seeds[-1]} == {"9z", "9y"}


def test_fractions_count_in_points_and_nan_counts_never(plan, store, study, tmp_path):
    masses = Study("9e", "", "masked", study.variations, ("panoptic",), Evaluation({}), {"panoptic": "fg_avg"})
    cells = plan(seeds=(0, 1), studies=[masses])
    for cell in cells:
        directory = create_run(store, cell.run, tmp_path / "data")
        write_done(directory, {"fg_avg": 0.5 + (cell.variant == "plain") * 0.01 * cell.run.seed})
    (one,) = measured(cells, [masses], store)
    assert one.differences == pytest.approx((0.0, 1.0))
    assert half_widths({0: [1.0], 1: []}) == {0: math.inf, 1: math.inf}
