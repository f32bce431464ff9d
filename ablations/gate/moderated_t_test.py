"""Whether a sweep's seeds are lower than a baseline's: a moderated t-test, corrected for many comparisons.

A few seeds tell little of their own spread, and one seed tells nothing. A baseline has many rows, though, and these
together tell what spreads are usual. Smyth (2004, "Linear models and empirical Bayes methods") made that a test: the
row's own variance is averaged with the usual one, each weighing its degrees of freedom, and the statistic keeps
Student's distribution with their sum. A row whose seeds agree by chance is not taken for exact, and a row of one seed
can be tested.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy import stats
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

# The most that the usual spread weighs: as four seeds more. Rows differ in spread for reasons of their own (one learns
# late, another hardly at all), so what a few dozen rows have in common must not outvote a row's own seeds.
MOST_DEGREES = 4.0


@dataclass(frozen=True)
class Spread:
    """What spread between seeds is usual: a variance, and the degrees of freedom that it is worth."""

    variance: float
    degrees: float


@dataclass(frozen=True)
class Shift:
    """How far new values lie from old ones.

    Attributes:
        difference: of the means, new minus old.
        error: the standard error of that.
        degrees: of freedom, of Student's distribution that ``difference / error`` has if nothing has changed.
    """

    difference: float
    error: float
    degrees: float

    @property
    def chance_of_less(self) -> float:
        """The probability of a difference as low as this if nothing has changed."""
        if self.error == 0:
            return 1.0 if self.difference >= 0 else 0.0
        return float(stats.t.cdf(self.difference / self.error, self.degrees))

    @property
    def chance_of_more(self) -> float:
        """The probability of a difference as high as this if nothing has changed."""
        return Shift(-self.difference, self.error, self.degrees).chance_of_less

    def visible(self, level: float) -> float:
        """The least difference, up or down, whose chance is at most ``level``."""
        return float(-stats.t.ppf(level, self.degrees)) * self.error


def usual_spread(samples: Collection[Sequence[float]]) -> Spread | None:
    """The spread that samples of several seeds have in common; None if there is no such sample.

    Smyth's estimate from the samples' log variances; samples whose values are all the same (a design that has learnt
    nothing yet) tell nothing of it.
    """
    known = [(variance(sample), len(sample) - 1) for sample in samples if len(set(sample)) > 1]
    if not known:
        return None
    if len(known) == 1:
        return Spread(known[0][0], min(known[0][1], MOST_DEGREES))
    logs = [math.log(value) - digamma(degrees / 2) + math.log(degrees / 2) for value, degrees in known]
    mean = fmean(logs)
    excess = variance(logs) - fmean(float(polygamma(1, degrees / 2)) for _, degrees in known)
    # Samples that vary no more than chance makes them share one variance, worth as much as may be.
    degrees = 2 * _inverse_trigamma(excess) if excess > 0 else math.inf
    shrinkage = digamma(degrees / 2) - math.log(degrees / 2) if math.isfinite(degrees) else 0.0
    return Spread(math.exp(mean + shrinkage), min(degrees, MOST_DEGREES))


def _inverse_trigamma(value: float) -> float:
    return float(brentq(lambda x: polygamma(1, x) - value, 1e-4, 1e8))


def shift(old: Sequence[float], new: Sequence[float], usual: Spread | None) -> Shift | None:
    """The difference of the means with its error; None if nothing tells a spread.

    Old and new values count as independent even where seeds are the same: training is chaotic, and on another
    processor, or with any change of the code, a seed is another draw. If nothing has changed both have one variance.
    """
    own = len(old) + len(new) - 2
    degrees = own + (usual.degrees if usual else 0.0)
    if degrees == 0:
        return None
    squares = sum((value - fmean(sample)) ** 2 for sample in (old, new) for value in sample)
    common = (squares + (usual.variance * usual.degrees if usual else 0.0)) / degrees
    return Shift(round(fmean(new) - fmean(old), 9), math.sqrt(common * (1 / len(old) + 1 / len(new))), degrees)


def rejected(chances: Mapping[Hashable, float], level: float) -> set[Hashable]:
    """Which hypotheses Holm's procedure (1979) rejects, with a chance of at most ``level`` that any of it is wrong."""
    found: set[Hashable] = set()
    for number, name in enumerate(sorted(chances, key=lambda name: chances[name])):
        if chances[name] > level / (len(chances) - number):
            break
        found.add(name)
    return found
