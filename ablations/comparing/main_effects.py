"""What each choice of a crossed study does by itself, in the mean over what was chosen otherwise."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from ablations.comparing.statistics import Difference, differences_of
from ablations.comparing.verdicts import MARGIN, Comparison, Judgement, judge

Choices = tuple[str, ...]  # one of each factor
Values = Mapping[Choices, Mapping[int, float]]


@dataclass(frozen=True)
class Effect:
    """A choice beside the baseline's choice of the same factor.

    Attributes:
        factor: which, counted from zero.
        choice: the factor's choice.
        pairs: how many pairs of rows that differ in this choice alone its mean is over.
        difference: choice minus the baseline's, in the mean over the pairs, seed by seed.
        judgement: on the difference, in the family of all the study's effects.
    """

    factor: int
    choice: str
    pairs: int
    difference: Difference
    judgement: Judgement


def main_effects(values: Values, baseline: Choices, margin: float = MARGIN) -> list[Effect]:
    """The effect of every choice but the baseline's, by factor and in the order of the rows.

    Args:
        values: of a metric, by a row's choices and by seed.
        baseline: the choices of the baseline.
        margin: below which a difference counts as small.

    A pair counts if its two rows share a seed, for which both have a number; the seeds are those that all of a choice's
    pairs share. An interval's spread is averaged with what is usual among the other effects, as that of a row's
    difference is.
    """
    pairs = {
        (factor, choice): found
        for factor in range(len(baseline))
        for choice in dict.fromkeys(choices[factor] for choices in values)
        if choice != baseline[factor] and (found := list(_pairs(values, baseline, factor, choice)))
    }
    differences = differences_of({key: _by_seed(found) for key, found in pairs.items()})
    judged = judge({key: Comparison(key, of, math.nan, margin) for key, of in differences.items()})
    return [Effect(*key, len(pairs[key]), differences[key], judged[key]) for key in pairs]


def _pairs(values: Values, baseline: Choices, factor: int, choice: str) -> Iterator[dict[int, float]]:
    """The differences by seed of each pair of rows that differ in this choice alone."""
    for choices, row in values.items():
        other = values.get((*choices[:factor], baseline[factor], *choices[factor + 1 :]), {})
        differences = {seed: row[seed] - other[seed] for seed in row.keys() & other.keys()}
        known = {seed: difference for seed, difference in differences.items() if math.isfinite(difference)}
        if choices[factor] == choice and known:
            yield known


def _by_seed(pairs: list[dict[int, float]]) -> list[float]:
    """The mean over the pairs at each seed that all of them have."""
    seeds = set.intersection(*(set(pair) for pair in pairs))
    return [fmean(pair[seed] for pair in pairs) for seed in sorted(seeds)]
