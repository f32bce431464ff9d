"""Means and intervals over seeds, and the tests behind a verdict.

Seeds are the unit of repetition: two designs trained with the same seed see the same samples in the same order, so
their difference is taken seed by seed (paired), which removes what the seed does to both. How far such differences
spread is told by a row's own seeds and by the other rows of the same scale, task and metric, ``usual_spread``.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import TypeVar

from scipy import stats

from ablations.comparing.usual_spread import averaged, usual_spread

CONFIDENCE = 0.95
# The most that other rows weigh: as two seeds more. With four, rows that spread widely and do not show it in two or
# three seeds would make the family-wise error too large: scripts/simulate_statistics.py.
MOST_DEGREES = 2.0
DECIMALS = 9  # differences that are the same to so many do not vary

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval; `low` and `high` are None where one value or none leaves the spread unknown."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """The mean of ``n`` paired differences, and how sure it is.

    Attributes:
        mean: of the differences; NaN without any.
        n: how many there are.
        error: the standard error of the mean, None if nothing tells a spread.
        degrees: of freedom, of Student's distribution that ``(mean - truth) / error`` has.
    """

    mean: float
    n: int
    error: float | None = None
    degrees: float = 0.0

    def half_width(self, confidence: float = CONFIDENCE) -> float | None:
        """Half the width of the two-sided interval of the mean."""
        return None if self.error is None else self.visible(1 - confidence)

    def interval(self, confidence: float = CONFIDENCE) -> Estimate:
        """The mean with its two-sided interval."""
        half = self.half_width(confidence)
        low, high = (None, None) if half is None else (self.mean - half, self.mean + half)
        return Estimate(self.mean, low, high, self.n)

    def visible(self, level: float) -> float | None:
        """The least difference, up or down, whose :attr:`chance` is at most ``level``."""
        return None if self.error is None else float(stats.t.isf(level / 2, self.degrees)) * self.error

    @property
    def chance(self) -> float | None:
        """The probability of a mean at least as far from zero if there is no difference."""
        return None if self.error is None else 2 * self._beyond(abs(self.mean))

    def chance_within(self, margin: float) -> float | None:
        """The probability of a mean at least as near to zero if the difference is as large as the margin.

        That of two one-sided tests (Schuirmann 1987), the larger of both.
        """
        return None if self.error is None else self._beyond(margin - abs(self.mean))

    def within(self, margin: float, level: float) -> float | None:
        """The largest distance from zero that :meth:`chance_within` finds within the margin at ``level``; may be none.

        If there is none, it is below zero: by how much the spread is too large.
        """
        return None if self.error is None else margin - float(stats.t.isf(level, self.degrees)) * self.error

    def _beyond(self, distance: float) -> float:
        assert self.error is not None
        if self.error == 0:
            return 0.5 if distance == 0 else float(distance < 0)
        return float(stats.t.sf(distance / self.error, self.degrees))


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Mean of the values and its two-sided Student t interval (n - 1 degrees of freedom); the mean of none is NaN.

    What is not finite is no value.
    """
    values = _finite(values)
    n = len(values)
    if n == 0:
        return Estimate(math.nan, None, None, 0)
    mean = fmean(values)
    if n == 1:
        return Estimate(mean, None, None, 1)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * float(stats.sem(values))
    return Estimate(mean, mean - half, mean + half, n)


def paired_difference(row_by_seed: Mapping[int, float], baseline_by_seed: Mapping[int, float]) -> list[float]:
    """Row minus baseline for each seed that both were run with, in the order of the seeds; NaN never counts."""
    return _finite(
        [row_by_seed[seed] - baseline_by_seed[seed] for seed in sorted(row_by_seed.keys() & baseline_by_seed.keys())]
    )


def differences_of(family: Mapping[Key, Sequence[float]], most: float = MOST_DEGREES) -> dict[Key, Difference]:
    """The mean paired difference of every row of a family: the rows of one scale, task and metric.

    Args:
        family: the paired differences of each distinct comparison. One that stands in several tables is given once,
            since it tells of the usual spread once.
        most: the degrees of freedom that other rows may weigh.
    """
    values = {key: [round(value, DECIMALS) for value in _finite(of_row)] for key, of_row in family.items()}
    return {
        key: _difference(own, [other for name, other in values.items() if name != key], most)
        for key, own in values.items()
    }


def _difference(own: Sequence[float], others: Collection[Sequence[float]], most: float) -> Difference:
    """A row's mean difference, its spread averaged with what is usual among the others.

    The row itself does not tell what is usual, or its own variance would count twice where there are few.
    """
    if not own:
        return Difference(math.nan, 0)
    usual = usual_spread(others, most)
    spread = averaged(variance(own), len(own) - 1, usual) if len(own) > 1 else usual
    # Seeds that agree to the last digit, and no other row to ask, tell no spread either.
    if spread is None or spread.variance == 0:
        return Difference(fmean(own), len(own))
    return Difference(fmean(own), len(own), math.sqrt(spread.variance / len(own)), spread.degrees)


def levels(chances: Mapping[Key, float], rate: float) -> dict[Key, float]:
    """The level at which each hypothesis is tested by Benjamini and Hochberg's procedure (1995).

    A hypothesis is rejected if its chance is at most its level: the largest that would do, all others being as they
    are. So the share of false ones among the rejected is at most ``rate`` in the mean, and if none is to be
    rejected, the probability that any is.
    """
    number = len(chances)
    ordered = sorted(chances.values())
    return {key: _level(ordered, ordered.index(own), rate / number) for key, own in chances.items()}


def _level(ordered: Sequence[float], own: int, step: float) -> float:
    others = [*ordered[:own], *ordered[own + 1 :]]
    place = next((place for place in range(len(ordered), 1, -1) if others[place - 2] <= step * place), 1)
    return step * place


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
