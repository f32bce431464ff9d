"""Ratios of times that are measured until they are known well enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from scipy.stats import binom

from m2f.timing.speed import seconds
from m2f.timing.works import Work

CONFIDENCE = 0.95
SETTLED = 0.05  # spread below which no more rounds are needed


@dataclass(frozen=True)
class Ratio:
    """How many times as long one work takes as another, round by round.

    Attributes:
        median: of the rounds' ratios.
        low: of the interval that holds the true median with 95% probability, whatever the ratios' distribution: it
            ends at two of the sorted ratios (the sign test's interval). None below six rounds, which cannot tell.
        high: of the same.
    """

    median: float
    low: float | None
    high: float | None

    @property
    def spread(self) -> float:
        """Half the width of the interval, as a share of the median; infinite where there is none."""
        if self.low is None or self.high is None:
            return float("inf")
        return (self.high - self.low) / 2 / self.median


@dataclass(frozen=True)
class Rounds:
    """Seconds of works that were done in turn.

    Attributes:
        warm_up: of each work's first run, which prepares what later runs find, such as a compiled program.
        counted: ``[rounds][works]``, after it.
    """

    warm_up: list[float]
    counted: list[list[float]]

    def of(self, work: int) -> list[float]:
        """One work's seconds, round after round."""
        return [row[work] for row in self.counted]

    def ratio(self, work: int, baseline: int) -> Ratio:
        """How many times as long a work takes as another."""
        return ratio_of([row[work] / row[baseline] for row in self.counted])


def ratio_of(ratios: Sequence[float]) -> Ratio:
    """The median of the rounds' ratios and its interval."""
    ordered = sorted(ratios)
    cut = int(binom.ppf((1 - CONFIDENCE) / 2, len(ordered), 0.5))
    return Ratio(median(ordered), *((ordered[cut - 1], ordered[-cut]) if cut else (None, None)))


def until_settled(works: Sequence[Work], baselines: Sequence[int], device: torch.device, most: int) -> Rounds:
    """Do works in turn, round after round, until each one's ratio to its baseline has settled.

    That rounds end when the intervals are narrow makes these a little too narrow; all stop at once, so that the
    slowest to settle decides for all.

    Args:
        works: what is timed.
        baselines: for each work the index of the one that it is compared with.
        device: where they compute.
        most: rounds that count, if not all have settled before.
    """
    rounds = Rounds([seconds(work, device) for work in works], [])
    while len(rounds.counted) < most:
        rounds.counted.append([seconds(work, device) for work in works])
        if all(rounds.ratio(*pair).spread < SETTLED for pair in enumerate(baselines)):
            break
    return rounds
