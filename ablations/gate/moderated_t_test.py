"""Whether a sweep's seeds are lower than a baseline's: a moderated t-test, corrected for many comparisons.

The rows of a baseline together tell what spreads are usual (``ablations.comparing.usual_spread``). Smyth (2004) made
that a test: the row's own variance is averaged with the usual one, each weighing its degrees of freedom, and the
statistic keeps Student's distribution with their sum. A row whose seeds agree by chance is not taken for exact, and a
row of one seed can be tested.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from ablations.comparing.usual_spread import Spread, averaged


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


def shift(old: Sequence[float], new: Sequence[float], usual: Spread | None) -> Shift | None:
    """The difference of the means with its error; None if nothing tells a spread.

    Old and new values count as independent even where seeds are the same: training is chaotic, and on another
    processor, or with any change of the code, a seed is another draw. If nothing has changed both have one variance.
    """
    own = len(old) + len(new) - 2
    squares = sum((value - fmean(sample)) ** 2 for sample in (old, new) for value in sample)
    spread = averaged(squares / own if own else 0.0, own, usual)
    if spread is None:
        return None
    error = math.sqrt(spread.variance * (1 / len(old) + 1 / len(new)))
    return Shift(round(fmean(new) - fmean(old), 9), error, spread.degrees)


def rejected(chances: Mapping[Hashable, float], level: float) -> set[Hashable]:
    """Which hypotheses Holm's procedure (1979) rejects, with a chance of at most ``level`` that any of it is wrong."""
    found: set[Hashable] = set()
    for number, name in enumerate(sorted(chances, key=lambda name: chances[name])):
        if chances[name] > level / (len(chances) - number):
            break
        found.add(name)
    return found
