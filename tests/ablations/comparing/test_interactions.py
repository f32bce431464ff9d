import math

import numpy as np
import pytest
from scipy import stats

from ablations.comparing.interactions import interactions

BASE = ("a", "x")


def crossed(together, seeds=6, spread=1.0, rows="bc"):
    """Values by choices and seed, in which choices add up but for what ``together`` says of some."""
    rng = np.random.default_rng(0)
    alone = {"a": 0.0, "b": -3.0, "c": 2.0, "x": 0.0, "y": 5.0}
    return {
        (one, two): dict(
            enumerate(50 + alone[one] + alone[two] + together.get(one, 0.0) + rng.normal(0, spread, seeds))
        )
        if two == "y"
        else dict(enumerate(50 + alone[one] + rng.normal(0, spread, seeds)))
        for one in f"a{rows}"
        for two in "xy"
    }


def test_it_is_the_t_test_of_what_two_choices_do_beyond_their_sum():
    values = crossed({"b": 1.0}, rows="b")
    (found,) = interactions(values, BASE)
    assert found.choices == ("b", "y")
    first = [values["b", "y"][seed] - values["a", "y"][seed] for seed in range(6)]
    second = [values["b", "x"][seed] - values[BASE][seed] for seed in range(6)]
    assert found.difference.mean == pytest.approx(np.mean(first) - np.mean(second))
    assert found.difference.chance == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_they_are_judged_as_one_family():
    words = {found.choices: found.judgement.verdict for found in interactions(crossed({"b": -4.0}, spread=0.2), BASE)}
    assert words == {("b", "y"): "below the baseline", ("c", "y"): "level with the baseline"}


def test_a_seed_counts_if_all_four_rows_have_a_number_for_it():
    values = crossed({})
    del values["b", "x"][0]
    values["a", "y"][1] = math.nan
    found = {one.choices: one.difference.n for one in interactions(values, BASE)}
    assert found == {("b", "y"): 4, ("c", "y"): 5}


def test_what_lacks_one_of_its_four_rows_is_left_out():
    values = crossed({})
    del values["b", "x"]
    assert [found.choices for found in interactions(values, BASE)] == [("c", "y")]
    assert interactions({BASE: {0: 1.0}, ("b", "x"): {0: 2.0}}, BASE) == []
    assert interactions({}, BASE) == []


def test_of_three_factors_two_choices_that_differ_are_told():
    values = {
        ("a", "x", "u"): {0: 50.0},
        ("b", "x", "u"): {0: 51.0},
        ("a", "x", "v"): {0: 53.0},
        ("b", "x", "v"): {0: 60.0},
        ("b", "y", "v"): {0: 99.0},
    }
    (found,) = interactions(values, ("a", "x", "u"))
    assert (found.choices, found.difference.mean) == (("b", "x", "v"), 6.0)
