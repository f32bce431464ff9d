import math

import numpy as np
import pytest
from scipy import optimize, special

from ablations.comparing.usual_spread import (
    MOST_DEGREES,
    Spread,
    averaged,
    inverse_trigamma,
    shared_variance,
    usual_spread,
)


def test_usual_spread_of_samples_that_share_one():
    """Drawn with variance 4; with many samples of many seeds it is found, and worth as much as may be."""
    samples = np.random.default_rng(0).normal(0, 2, (200, 20)).tolist()
    usual = usual_spread(samples)
    assert usual.variance == pytest.approx(4.0, rel=0.05)
    assert usual.degrees == MOST_DEGREES
    assert usual_spread(samples, 2.0) == Spread(usual.variance, 2.0)


def test_usual_spread_of_samples_of_different_spread_weighs_little():
    """Variances drawn as Smyth's model has them, here with one degree of freedom around 9."""
    generator = np.random.default_rng(0)
    variances = 9.0 / generator.chisquare(1, 400)
    samples = [generator.normal(0, math.sqrt(variance), 5).tolist() for variance in variances]
    usual = usual_spread(samples)
    assert usual.degrees == pytest.approx(1.0, rel=0.2)
    assert usual.variance == pytest.approx(9.0, rel=0.4)


def test_usual_spread_needs_a_sample_of_several_seeds_that_differ():
    assert usual_spread([[1.0], [0.0, 0.0, 0.0]]) is None
    assert usual_spread([[1.0], [0.0, 0.0], [1.0, 3.0]]) == Spread(variance=2.0, degrees=1)


def test_many_families_at_once_are_as_each_by_itself():
    variances = np.random.default_rng(1).chisquare(3, (4, 5, 6))
    degrees = np.array([1.0, 2.0, 2.0, 4.0, 4.0, 4.0])
    together = shared_variance(variances, degrees, 4.0)
    for place in np.ndindex(4, 5):
        alone = shared_variance(variances[place], degrees, 4.0)
        assert (together[0][place], together[1][place]) == pytest.approx(tuple(map(float, alone)))


def test_inverse_trigamma_beside_a_root_finder():
    for value in np.geomspace(1e-5, 1e6, 30):
        root = optimize.brentq(lambda place, value=value: special.polygamma(1, place) - value, 1e-5, 1e8, xtol=1e-12)
        assert inverse_trigamma(np.array(value)) == pytest.approx(root, rel=1e-6)


def test_a_row_is_averaged_with_what_is_usual_by_degrees():
    assert averaged(8.0, 1, Spread(2.0, 3.0)) == Spread(3.5, 4.0)
    assert averaged(8.0, 1, None) == Spread(8.0, 1)
    assert averaged(0.0, 0, Spread(2.0, 3.0)) == Spread(2.0, 3.0)
    assert averaged(0.0, 0, None) is None
