import math

import numpy as np
import pytest
from scipy import stats

from ablations.comparing.usual_spread import Spread
from ablations.gate.moderated_t_test import rejected, shift

OLD, NEW = [48.5, 47.2, 49.3, 48.1, 47.9], [46.0, 45.1, 47.0]


def test_without_a_usual_spread_it_is_students_test():
    found = shift(OLD, NEW, None)
    expected = stats.ttest_ind(NEW, OLD, alternative="less")
    assert found.chance_of_less == pytest.approx(expected.pvalue)
    assert found.chance_of_more == pytest.approx(1 - expected.pvalue)
    assert found.difference == pytest.approx(np.mean(NEW) - np.mean(OLD))


def test_one_new_seed_is_tested_against_the_prediction_interval():
    found = shift(OLD, [44.0], None)
    half = stats.t.ppf(0.99, 4) * np.std(OLD, ddof=1) * math.sqrt(1 + 1 / 5)
    assert found.visible(0.01) == pytest.approx(half)
    below, within = np.mean(OLD) - half - 0.01, np.mean(OLD) - half + 0.01
    assert shift(OLD, [below], None).chance_of_less < 0.01 < shift(OLD, [within], None).chance_of_less


def test_the_usual_spread_is_averaged_by_degrees_of_freedom():
    found = shift([1.0, 3.0], [2.0], Spread(variance=8.0, degrees=3.0))
    assert found.degrees == 4
    assert found.error == pytest.approx(math.sqrt((2.0 + 3 * 8.0) / 4 * (1 / 2 + 1)))


def test_one_seed_each_has_the_usual_spread_alone():
    assert shift([1.0], [2.0], None) is None
    found = shift([1.0], [2.0], Spread(variance=2.0, degrees=4.0))
    assert (found.error, found.degrees) == (2.0, 4.0)


def test_seeds_that_all_agree_are_not_taken_for_exact():
    usual = Spread(variance=1.0, degrees=4.0)
    assert shift([0.0, 0.0, 0.0], [0.5], usual).chance_of_more > 0.1
    assert shift([0.0, 0.0, 0.0], [0.5], None).chance_of_more == 0.0  # nothing is known but these
    assert shift([0.1, 0.1, 0.1], [0.1, 0.1], None).chance_of_less >= 0.5  # whatever rounding does


def test_holms_procedure():
    """By hand: 0.01 <= 0.05 / 3 and 0.02 <= 0.05 / 2, but 0.06 > 0.05; and a failure ends it."""
    assert rejected({"a": 0.02, "b": 0.06, "c": 0.01}, 0.05) == {"a", "c"}
    assert rejected({"a": 0.02, "b": 0.02, "c": 0.02}, 0.05) == set()
    assert rejected({}, 0.05) == set()
