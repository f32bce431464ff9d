import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from ablations.comparing.statistics import (
    MOST_DEGREES,
    Difference,
    differences_of,
    levels,
    mean_interval,
    paired_difference,
)
from ablations.comparing.usual_spread import usual_spread

percents = st.lists(st.floats(0, 100).map(lambda value: round(value, 3)), min_size=2, max_size=6)


def test_interval_of_three_values_by_hand():
    # mean 12, sample deviation 2, standard error 2/sqrt(3), t(0.975, 2) = 4.302653
    estimate = mean_interval([10.0, 12.0, 14.0])
    assert estimate.mean == 12 and estimate.n == 3
    assert estimate.low == pytest.approx(12 - 4.302653 * 2 / math.sqrt(3), abs=1e-5)
    assert estimate.high == pytest.approx(12 + 4.302653 * 2 / math.sqrt(3), abs=1e-5)


def test_confidence_widens_the_interval():
    # t(0.95, 1) = 6.313752; standard error of (1, 3) is 1
    estimate = mean_interval([1.0, 3.0], confidence=0.9)
    assert estimate.high == pytest.approx(2 + 6.313752, abs=1e-5)


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert (mean_interval([3.5]).low, mean_interval([3.5]).high, mean_interval([3.5]).n) == (None, None, 1)
    assert math.isnan(mean_interval([]).mean) and mean_interval([]).n == 0


def test_equal_values_have_an_interval_of_no_width():
    estimate = mean_interval([7.0, 7.0, 7.0])
    assert (estimate.low, estimate.high) == (7.0, 7.0)


def test_only_common_seeds_are_paired():
    assert paired_difference({2: 5.0, 0: 1.0, 7: 9.0}, {0: 3.0, 1: 8.0, 2: 4.0}) == [-2.0, 1.0]
    assert paired_difference({0: 1.0}, {1: 1.0}) == []


@given(percents, percents)
def test_interval_of_the_difference_agrees_with_scipys_paired_test(row, baseline):
    count = min(len(row), len(baseline))
    differences = paired_difference(dict(enumerate(row)), dict(enumerate(baseline)))
    assume(np.std(differences) > 1e-3)
    expected = stats.ttest_rel(row[:count], baseline[:count]).confidence_interval(0.95)
    estimate = mean_interval(differences)
    assert estimate.low == pytest.approx(expected.low, rel=1e-6, abs=1e-6)
    assert estimate.high == pytest.approx(expected.high, rel=1e-6, abs=1e-6)


@given(percents, st.integers(-50, 50))
def test_a_shift_of_both_sides_changes_no_difference(values, shift):
    row = dict(enumerate(values))
    baseline = {seed: value / 2 for seed, value in row.items()}
    moved = paired_difference({s: v + shift for s, v in row.items()}, {s: v + shift for s, v in baseline.items()})
    assert moved == pytest.approx(paired_difference(row, baseline), abs=1e-9)


@given(percents, st.integers(-50, 50))
def test_interval_moves_with_its_values(values, shift):
    estimate, moved = mean_interval(values), mean_interval([value + shift for value in values])
    assert moved.mean == pytest.approx(estimate.mean + shift, abs=1e-9)
    assert moved.high - moved.low == pytest.approx(estimate.high - estimate.low, abs=1e-6)
    assert estimate.low <= estimate.mean <= estimate.high


def test_what_is_not_finite_is_no_value():
    assert mean_interval([1.0, math.inf, 3.0]).n == 2


def test_a_row_alone_has_students_interval_and_chance():
    values = [1.0, 2.5, 0.5, 3.0]
    found = differences_of({"row": values})["row"]
    expected = stats.ttest_1samp(values, 0)
    assert found.chance == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.interval().low, found.interval().high) == pytest.approx((interval.low, interval.high))
    assert found.half_width() == pytest.approx((interval.high - interval.low) / 2)
    assert found.visible(found.chance) == pytest.approx(found.mean)


def test_other_rows_tell_a_row_s_spread_and_it_does_not_tell_itself():
    rows = {"row": [1.0, 1.0 + 1e-6], "one seed": [2.0], "other": [0.0, 3.0, 1.0], "third": [1.0, -1.0, 0.5]}
    found = differences_of(rows)
    usual = usual_spread([rows["other"], rows["third"]], MOST_DEGREES)
    assert found["row"].degrees == 1 + usual.degrees
    variance = (1e-12 / 2 + usual.degrees * usual.variance) / found["row"].degrees
    assert found["row"].error == pytest.approx(math.sqrt(variance / 2))
    shared = usual_spread([rows["row"], rows["other"], rows["third"]], MOST_DEGREES)
    assert (found["one seed"].error, found["one seed"].degrees) == (math.sqrt(shared.variance), shared.degrees)


def test_without_any_spread_there_is_no_interval():
    for values in ([], [1.0], [0.0, 0.0, 0.0], [-2.0, -2.0]):
        found = differences_of({"row": values, "same": [0.0, 0.0], "none": []})["row"]
        assert found.n == len(values) and math.isnan(found.mean) == (not values)
        nothing = (found.error, found.chance, found.half_width(), found.visible(0.05), found.chance_within(1.0))
        assert nothing == (None, None, None, None, None)
        assert (found.interval().low, found.interval().high) == (None, None)


def test_what_is_no_number_tells_neither_mean_nor_spread():
    rows = {"row": [1.0, math.nan, 2.0], "other": [math.nan, 0.5, 3.0, math.inf]}
    assert differences_of(rows) == differences_of({"row": [1.0, 2.0], "other": [0.5, 3.0]})
    assert paired_difference({0: 1.0, 1: math.nan, 2: 4.0}, {0: math.nan, 1: 1.0, 2: 1.0}) == [3.0]


def test_chance_within_a_margin_is_scipys_two_one_sided_tests():
    generator = np.random.default_rng(0)
    for margin in (0.5, 1.0, 2.0):
        values = generator.normal(0.4, 1, 6)
        expected = max(
            stats.ttest_1samp(values, -margin, alternative="greater").pvalue,
            stats.ttest_1samp(values, margin, alternative="less").pvalue,
        )
        assert differences_of({"row": values.tolist()})["row"].chance_within(margin) == pytest.approx(expected)


def test_within_a_margin_at_a_level_is_when_the_interval_of_twice_that_lies_in_it():
    found = Difference(mean=-0.7, n=5, error=0.3, degrees=6.0)
    edge = found.interval(1 - 2 * 0.01).low
    assert found.chance_within(-edge) == pytest.approx(0.01)


chances = st.lists(st.floats(0, 1).map(lambda value: round(value**4, 6)), min_size=1, max_size=30)


@given(chances, st.sampled_from([0.05, 0.2, 0.5]))
def test_levels_reject_what_scipy_s_adjusted_chances_do(chances, rate):
    found = levels(dict(enumerate(chances)), rate)
    adjusted = stats.false_discovery_control(chances, method="bh")
    for place, (own, level) in enumerate(zip(chances, found.values(), strict=True)):
        if abs(adjusted[place] - rate) > 1e-9:
            assert (own <= level) == (adjusted[place] <= rate)


@settings(max_examples=30)
@given(chances, st.integers(0, 29))
def test_a_level_is_where_the_verdict_turns(chances, place):
    """All others staying as they are, just below the level is rejected, and just above it is not."""
    place %= len(chances)
    level = levels(dict(enumerate(chances)), 0.1)[place]
    for factor, expected in ((1 - 1e-6, True), (1 + 1e-6, False)):
        moved = [*chances[:place], level * factor, *chances[place + 1 :]]
        assert bool(stats.false_discovery_control(moved, method="bh")[place] <= 0.1) == expected
