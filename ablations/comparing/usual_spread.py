"""What spread between seeds is usual, told by many rows together.

A few seeds tell little of their own spread, and one seed tells nothing. A table has many rows, though, and tables of
one scale, task and metric have more: these together tell what spreads are usual. Smyth (2004, "Linear models and
empirical Bayes methods") takes a row's true variance as drawn from a distribution around a usual one, and estimates
that from the rows' log variances: the usual variance and how many degrees of freedom it is worth, fewer the more the
rows differ.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import variance
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

# The most that the usual spread weighs: as four seeds more. Rows differ in spread for reasons of their own (one learns
# late, another hardly at all), so what a few dozen rows have in common must not outvote a row's own seeds.
MOST_DEGREES = 4.0
NEWTON_STEPS = 6  # after four trigamma's inverse is right to the last digit


@dataclass(frozen=True)
class Spread:
    """What spread between seeds is usual: a variance, and the degrees of freedom that it is worth."""

    variance: float
    degrees: float


def usual_spread(samples: Collection[Sequence[float]], most: float = MOST_DEGREES) -> Spread | None:
    """The spread that samples of several seeds have in common, worth at most ``most``; None if there is no such sample.

    Samples whose values are all the same (a design that has learnt nothing yet) tell nothing of it.
    """
    known = [(variance(sample), len(sample) - 1) for sample in samples if len(set(sample)) > 1]
    if not known:
        return None
    variances, degrees = np.array(known).T
    usual, worth = shared_variance(variances, degrees, most)
    return Spread(float(usual), float(worth))


def shared_variance(variances: NDArray[Any], degrees: NDArray[Any], most: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The usual variance ``[...]`` and the degrees of freedom that it is worth ``[...]``, at most ``most``.

    Args:
        variances: of samples, ``[..., R]``, above zero. One sample alone is its own usual.
        degrees: of freedom of each, a shape that broadcasts to theirs.
        most: a number above zero.
    """
    if variances.shape[-1] == 1:
        return variances[..., 0], np.minimum(np.broadcast_to(degrees, variances.shape)[..., 0], most)
    logs = np.log(variances) + (np.log(degrees / 2) - digamma(degrees / 2))
    by_chance = np.broadcast_to(polygamma(1, degrees / 2), variances.shape).mean(axis=-1)
    excess = logs.var(axis=-1, ddof=1) - by_chance
    # Samples that vary no more than chance makes them share one variance, worth as much as may be.
    unbounded = excess <= polygamma(1, 1e6)
    worth = 2 * inverse_trigamma(np.where(unbounded, 1.0, excess))
    shrinkage = np.where(unbounded, 0.0, digamma(worth / 2) - np.log(worth / 2))
    return np.exp(logs.mean(axis=-1) + shrinkage), np.where(unbounded, most, np.minimum(worth, most))


def inverse_trigamma(values: NDArray[Any]) -> NDArray[Any]:
    """Where trigamma takes the values, all above zero.

    Newton's steps on the reciprocal of trigamma, which is convex and nearly straight, from what trigamma is like for
    small and for large places.
    """
    places = np.where(values > 2, values**-0.5, 0.5 + 1 / values)
    for _ in range(NEWTON_STEPS):
        reached = polygamma(1, places)
        places = places + reached * (1 - reached / values) / polygamma(2, places)
    return places


def averaged(own: float, own_degrees: float, usual: Spread | None) -> Spread | None:
    """A row's own variance averaged with the usual one, each weighing its degrees; None if neither has any."""
    degrees = own_degrees + (usual.degrees if usual else 0.0)
    if degrees == 0:
        return None
    squares = own * own_degrees + (usual.variance * usual.degrees if usual else 0.0)
    return Spread(squares / degrees, degrees)
