"""Means, intervals and the verdict on a difference, over seeds.

Seeds are the unit of repetition: two designs trained with the same seed see the same samples in the same order, so
their difference is taken seed by seed (paired), which removes what the seed does to both.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from scipy import stats

CONFIDENCE = 0.95

Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval; `low` and `high` are None where one value or none leaves the spread unknown."""

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Mean of the values and its two-sided Student t interval (n - 1 degrees of freedom); the mean of none is NaN.

    What is not finite is no value.
    """
    values = [value for value in values if math.isfinite(value)]
    n = len(values)
    if n == 0:
        return Estimate(math.nan, None, None, 0)
    mean = fmean(values)
    if n == 1:
        return Estimate(mean, None, None, 1)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * float(stats.sem(values))
    return Estimate(mean, mean - half, mean + half, n)


def paired_difference(row_by_seed: Mapping[int, float], baseline_by_seed: Mapping[int, float]) -> list[float]:
    """Row minus baseline for each seed that both were run with, in the order of the seeds."""
    return [row_by_seed[seed] - baseline_by_seed[seed] for seed in sorted(row_by_seed.keys() & baseline_by_seed.keys())]


def verdict(paper_difference: float | None, differences: Sequence[float], confidence: float = CONFIDENCE) -> Verdict:
    """Whether the direction of the paper's difference from the baseline shows in our paired differences.

    'reproduced': the t interval of the mean paired difference lies wholly on the paper's side of zero;
    'not reproduced': it lies wholly on the other side; 'inconclusive': it reaches zero, there are fewer than two pairs,
    or the paper gives no difference (None, NaN or 0). The size of the difference plays no part.
    """
    estimate = mean_interval(differences, confidence)
    if paper_difference is None or math.isnan(paper_difference) or estimate.low is None or estimate.high is None:
        return "inconclusive"
    if paper_difference == 0 or estimate.low <= 0 <= estimate.high:
        return "inconclusive"
    return "reproduced" if (estimate.mean > 0) == (paper_difference > 0) else "not reproduced"
