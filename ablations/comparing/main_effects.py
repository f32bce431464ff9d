"""What each choice of a crossed study does by itself, in the mean over what was chosen otherwise."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from ablations.comparing.statistics import Difference, differences_of
from ablations.comparing.verdicts import MARGIN, Comparison, Judgement, judge

Choices = tuple[str, ...]  # one of each factor
Values = Mapping[Choices, Mapping[int, float]]
Key = tuple[int, str]  # a factor's number and a choice


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
    pairs share; without one, the choice has no effect that could be told. An interval's spread is averaged with what is
    usual among the other effects over as many pairs, as that of a row's difference is among rows.
    """
    pairs = {
        (factor, choice): found
        for factor in range(len(baseline))
        for choice in dict.fromkeys(choices[factor] for choices in values)
        if choice != baseline[factor] and (found := list(_pairs(values, baseline, factor, choice)))
    }
    by_seed = {key: of for key, found in pairs.items() if (of := _by_seed(found))}
    differences = _differences(by_seed, {key: len(pairs[key]) for key in by_seed})
    judged = judge({key: Comparison(key, of, math.nan, margin) for key, of in differences.items()})
    return [Effect(*key, len(pairs[key]), differences[key], judged[key]) for key in by_seed]


def _differences(by_seed: Mapping[Key, list[float]], counts: Mapping[Key, int]) -> dict[Key, Difference]:
    """The mean differences, whose spread is shared by effects over as many pairs: a mean over more spreads less."""
    return {
        key: of
        for count in set(counts.values())
        for key, of in differences_of({key: by_seed[key] for key in by_seed if counts[key] == count}).items()
    }


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
