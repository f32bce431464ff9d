"""What two choices of a crossed study do together, beside the sum of what each does alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ablations.comparing.main_effects import Choices, Values
from ablations.comparing.statistics import Difference, differences_of
from ablations.comparing.verdicts import MARGIN, Comparison, Judgement, judge


@dataclass(frozen=True)
class Interaction:
    """A row that has made two choices otherwise than the baseline.

    Attributes:
        choices: the row's.
        difference: row minus baseline, minus that difference of each of the two rows with one of these choices.
        judgement: on the difference, in the family of all the study's interactions: above zero is more than the sum.
    """

    choices: Choices
    difference: Difference
    judgement: Judgement


def interactions(values: Values, baseline: Choices, margin: float = MARGIN) -> list[Interaction]:
    """Of every row with two choices that are not the baseline's, in the order of the rows.

    Args:
        values: of a metric, by a row's choices and by seed.
        baseline: the choices of the baseline.
        margin: below which a difference counts as small.

    A seed counts if all four rows have a number for it; a row without such a seed is left out. An interval's spread is
    averaged with what is usual among the others, as that of a row's difference is among rows.
    """
    by_seed = {
        choices: found
        for choices in values
        if sum(one != other for one, other in zip(choices, baseline, strict=True)) == 2
        if (found := list(_beyond_the_sum(values, choices, baseline)))
    }
    differences = differences_of(by_seed)
    judged = judge({key: Comparison(key, of, math.nan, margin) for key, of in differences.items()})
    return [Interaction(key, differences[key], judged[key]) for key in by_seed]


def _beyond_the_sum(values: Values, choices: Choices, baseline: Choices) -> Iterator[float]:
    """By seed."""
    first, second = (place for place, choice in enumerate(choices) if choice != baseline[place])
    alone = [(*baseline[:place], choices[place], *baseline[place + 1 :]) for place in (first, second)]
    rows = [values.get(row, {}) for row in (choices, baseline, *alone)]
    for seed in sorted(set.intersection(*map(set, rows))):
        both, neither, one, other = (row[seed] for row in rows)
        beyond = (both - neither) - (one - neither) - (other - neither)
        if math.isfinite(beyond):
            yield beyond
