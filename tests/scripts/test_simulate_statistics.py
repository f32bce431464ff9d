"""What intervals, verdicts and the gate promise, by simulation with Monte Carlo's tolerance."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from ablations.comparing.statistics import differences_of, levels
from ablations.running.until import half_widths

ROOT = Path(__file__).parents[2]
specification = importlib.util.spec_from_file_location("simulate_statistics", ROOT / "scripts/simulate_statistics.py")
simulated = importlib.util.module_from_spec(specification)
sys.modules["simulate_statistics"] = simulated
specification.loader.exec_module(simulated)

FAMILIES = 120  # 10,080 rows, which share baselines
TOLERANCE = 0.005  # of a coverage: two standard errors


@pytest.fixture
def generator():
    return np.random.default_rng(16)


def test_many_families_at_once_are_tested_as_the_suite_tests_one(generator):
    differences = simulated.paired_differences("t3", 3, 2, generator)
    together = simulated.moderated(differences)
    for family, task in np.ndindex(2, simulated.TASKS):
        alone = differences_of(dict(enumerate(differences[family, task].tolist())))
        of_task = (together.mean, together.error, together.degrees, together.chance)
        for row, found in alone.items():
            expected = [values[family, task, row] for values in of_task]
            assert [found.mean, found.error, found.degrees, found.chance] == pytest.approx(expected, rel=1e-5)
    chances = generator.random(84) ** 4
    by_name = dict(enumerate(chances))
    expected = [chances[row] <= level for row, level in levels(by_name, 0.05).items()]
    assert simulated.rejected(chances[None])[0].tolist() == expected


@pytest.mark.parametrize("kind", simulated.ERRORS)
@pytest.mark.parametrize("seeds", [2, 3, 5, 8])
def test_intervals_hold_the_truth_and_nothing_is_reproduced_where_nothing_is(kind, seeds, generator):
    tested = simulated.drawn(kind, seeds, FAMILIES, generator)
    assert 0.93 - TOLERANCE < simulated.coverage(tested) < 0.97 + TOLERANCE
    assert simulated.false_reproduced(tested) <= 0.05 + 2 * (0.05 * 0.95 / FAMILIES) ** 0.5


@pytest.mark.parametrize("kind", simulated.ERRORS)
def test_one_seed_among_rows_of_five_has_an_interval_too(kind, generator):
    tested = simulated.drawn(kind, 1, FAMILIES, generator)
    assert 0.93 - TOLERANCE < simulated.coverage(tested) < 0.97 + TOLERANCE
    assert simulated.false_reproduced(tested) <= 0.05 + 2 * (0.05 * 0.95 / FAMILIES) ** 0.5


def test_a_difference_of_the_margin_is_seldom_called_small(generator):
    tested = simulated.moderated(simulated.paired_differences("normal", 8, FAMILIES, generator))
    assert simulated.small(simulated.shifted(tested, simulated.MARGIN)).mean() < 0.05
    assert simulated.small(tested)[..., simulated.WIDE :].mean() > 0.5


def test_the_gate_keeps_its_promise_with_normal_errors_and_breaks_it_with_outliers(generator):
    assert simulated.false_alarms("normal", 5, 3, 2000, generator) < 0.01
    assert simulated.false_alarms("outliers", 5, 1, 2000, generator) > 0.02


def test_more_seeds_at_once_are_given_as_the_suite_gives_them(generator):
    differences = simulated.paired_differences("normal", 7, 1, generator)
    tested, seeds = simulated.with_more_seeds(differences, 4, simulated.narrow(1.5))
    for task in range(simulated.TASKS):
        own = [4] * simulated.ROWS
        while True:
            widths = half_widths({row: differences[0, task, row, :count] for row, count in enumerate(own)})
            growing = [row for row, count in enumerate(own) if widths[row] > 1.5 and count < 7]
            if not growing:
                break
            own = [count + (row in growing) for row, count in enumerate(own)]
        assert seeds[0, task].tolist() == own
        assert tested.half_width()[0, task] == pytest.approx(list(widths.values()))
    assert len(set(seeds.ravel().tolist())) == 4


@pytest.mark.parametrize("kind", simulated.ERRORS)
@pytest.mark.parametrize(("first", "most"), [(3, 9), (5, 8)])
def test_seeds_that_are_added_by_width_alone_keep_the_error_rate(generator, kind, first, most):
    differences = simulated.paired_differences(kind, most, FAMILIES, generator)
    tested, seeds = simulated.with_more_seeds(differences, first, simulated.narrow(1.0))
    assert first < seeds.mean() < most
    assert simulated.false_reproduced(tested) <= simulated.ERROR_RATE
    assert simulated.coverage(tested) > 0.93


def test_seeds_that_are_added_until_something_shows_do_not(generator):
    differences = simulated.paired_differences("normal", 9, FAMILIES, generator)
    tested, _ = simulated.with_more_seeds(differences, 3, lambda tested: tested.chance <= simulated.ERROR_RATE)
    assert simulated.coverage(tested) < 0.9
