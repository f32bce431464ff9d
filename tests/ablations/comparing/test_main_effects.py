import math

import numpy as np
import pytest
from scipy import stats

from ablations.comparing.main_effects import main_effects

BASE = ("a", "x")


def values(cells):
    """Values by choices and seed from {(choice, choice): values of seeds 0, 1, ...}."""
    return {choices: dict(enumerate(of)) for choices, of in cells.items()}


def test_an_effect_is_the_mean_over_what_was_chosen_otherwise():
    effects = main_effects(
        values({BASE: (50, 51), ("b", "x"): (53, 54), ("a", "y"): (49, 52), ("b", "y"): (50, 51)}), BASE
    )
    first, second = effects
    assert (first.factor, first.choice, first.pairs) == (0, "b", 2)
    assert first.difference.mean == pytest.approx(((3 + 3) / 2 + (1 - 1) / 2) / 2)
    assert (second.factor, second.choice, second.pairs) == (1, "y", 2)
    assert second.difference.mean == pytest.approx(((-1 + 1) / 2 + (-3 - 3) / 2) / 2)


def test_alone_it_is_the_t_test_of_the_means_by_seed():
    rng = np.random.default_rng(0)
    cells = {(one, "x"): rng.normal(50, 1, 6) for one in "ab"}
    (effect,) = main_effects(values(cells), BASE)
    assert effect.difference.chance == pytest.approx(stats.ttest_rel(cells["b", "x"], cells[BASE]).pvalue)


def test_only_pairs_that_share_seeds_count_and_only_seeds_that_all_pairs_share():
    cells = {
        BASE: {0: 50.0, 1: 50.0, 2: 50.0},
        ("b", "x"): {0: 51.0, 1: 52.0, 2: 90.0},
        ("a", "y"): {0: 40.0, 1: 40.0},
        ("b", "y"): {0: 43.0, 1: 44.0},
        ("a", "z"): {7: 1.0},
        ("b", "z"): {8: 99.0},
    }
    effects = {effect.choice: effect for effect in main_effects(cells, BASE)}
    assert set(effects) == {"b", "y"}  # z shares no seed with x
    assert (effects["b"].pairs, effects["b"].difference.n) == (2, 2)
    assert effects["b"].difference.mean == pytest.approx(((1 + 3) / 2 + (2 + 4) / 2) / 2)


def test_a_value_that_is_not_a_number_takes_its_seed_away():
    cells = {BASE: {0: 50.0, 1: 50.0}, ("b", "x"): {0: math.nan, 1: 53.0}}
    (effect,) = main_effects(cells, BASE)
    assert (effect.difference.mean, effect.difference.n) == (3.0, 1)


def test_a_mean_over_few_pairs_does_not_take_its_spread_from_means_over_more():
    """Which spread less: so each has what its own kind tells, and a choice alone in its kind has its own seeds'."""
    rng = np.random.default_rng(2)
    cells = values({(one, two): rng.normal(50, 1, 5) for one in "ab" for two in "wxyz"})
    cells["c", "x"] = dict(enumerate(rng.normal(50, 1, 5)))
    effects = {effect.choice: effect for effect in main_effects(cells, BASE)}
    assert (effects["b"].pairs, effects["c"].pairs) == (4, 1)
    own = stats.ttest_rel(list(cells["c", "x"].values()), list(cells[BASE].values())).pvalue
    assert effects["c"].difference.chance == pytest.approx(own)
    one_seed = {**cells, ("c", "x"): {0: 45.0}}
    assert {effect.choice: effect for effect in main_effects(one_seed, BASE)}["c"].difference.error is None


def test_pairs_without_a_seed_in_common_have_no_effect():
    cells = {BASE: {0: 1.0}, ("b", "x"): {0: 2.0}, ("a", "y"): {1: 1.0}, ("b", "y"): {1: 2.0}}
    assert main_effects(cells, BASE) == []


def test_what_is_not_there_has_no_effect():
    assert main_effects({}, BASE) == []
    assert main_effects(values({BASE: (1.0, 2.0)}), BASE) == []


def test_effects_are_one_family_and_are_judged_beside_the_baseline():
    rng = np.random.default_rng(1)
    cells = {(one, two): rng.normal(50 - 5 * (one == "b"), 0.3, 4) for one in "ab" for two in "xyz"}
    words = {effect.choice: effect.judgement.verdict for effect in main_effects(values(cells), BASE)}
    assert words["b"] == "below the baseline"
    assert words["y"] == words["z"] == "level with the baseline"
