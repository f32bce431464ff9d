"""What a row says of the paper's difference, in one of a few words.

The tests of one scale are one family: each distinct comparison of a row with its baseline, across tables and tasks.
Both questions, whether there is a difference and whether it is as small as the paper's, are corrected for the
family's size by Benjamini and Hochberg's procedure.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

from ablations.comparing.statistics import Difference, levels

Verdict = Literal["reproduced", "not reproduced", "as small as the paper's", "below what this can tell", "not run"]

NOT_RUN: Verdict = "not run"
ERROR_RATE = 0.05
MARGIN = 1.5  # points of PQ, AP or mIoU: a difference that is surely smaller counts as small
FRACTION = 0.01  # what a point is of a metric that is given as a fraction


@dataclass(frozen=True)
class Comparison:
    """A row beside its baseline, and the paper's row beside the paper's.

    Attributes:
        key: what is compared with what. Rows of several tables that are one and the same run share it, and are one
            test.
        difference: ours.
        paper: the paper's difference.
        margin: below which a difference counts as small.
    """

    key: Hashable
    difference: Difference
    paper: float
    margin: float = MARGIN


@dataclass(frozen=True)
class Judgement:
    """A verdict, and what it was able to see.

    Attributes:
        verdict: the word.
        level: at which the row was tested for a difference; NaN if it was not.
        visible: the least difference that would have shown at that level; NaN if the row was not tested.
    """

    verdict: Verdict
    level: float = math.nan
    visible: float = math.nan


def judge(comparisons: Mapping[Hashable, Comparison], rate: float = ERROR_RATE) -> dict[Hashable, Judgement]:
    """The verdict on every row of a family, by the rows' names.

    - *reproduced*: there is a difference, to the paper's side; its size plays no part.
    - *not reproduced*: there is one, to the other side, or the paper has none.
    - *as small as the paper's*: ours is surely within the margin, and the paper's is within it too.
    - *below what this can tell*: nothing of that, so more seeds are needed.
    - *not run*: there is no pair of seeds.

    A difference that shows is told before its smallness, except where the paper's is zero and so has no side.
    """
    tested = {name: of for name, of in comparisons.items() if of.difference.chance is not None}
    small = {name: of for name, of in tested.items() if abs(of.paper) <= of.margin}
    by_key = levels({of.key: _known(of.difference.chance) for of in tested.values()}, rate)
    small_by_key = levels({of.key: _known(of.difference.chance_within(of.margin)) for of in small.values()}, rate)
    judged: dict[Hashable, Judgement] = {}
    for name, of in comparisons.items():
        if not of.difference.n:
            judged[name] = Judgement(NOT_RUN)
        elif name not in tested:
            judged[name] = Judgement("below what this can tell")
        else:
            level = by_key[of.key]
            differs = _known(of.difference.chance) <= level
            is_small = name in small and _known(of.difference.chance_within(of.margin)) <= small_by_key[of.key]
            judged[name] = Judgement(_word(of, differs, is_small), level, _known(of.difference.visible(level)))
    return judged


def _word(of: Comparison, differs: bool, is_small: bool) -> Verdict:
    if differs and of.paper * of.difference.mean > 0:
        return "reproduced"
    if is_small and (of.paper == 0 or not differs):
        return "as small as the paper's"
    return "not reproduced" if differs else "below what this can tell"


def _known(value: float | None) -> float:
    assert value is not None
    return value
