"""What a row says of the paper's difference, or of its baseline where the paper has none, in one of a few words.

The tests of one scale are one family: each distinct comparison of a row with its baseline, across tables and tasks.
Both questions, whether there is a difference and whether it is small, are corrected for the family's size by Benjamini
and Hochberg's procedure.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ablations.comparing.statistics import Difference, levels

Verdict = Literal["reproduced", "not reproduced", "as small as the paper's", "below what this can tell", "not run"]
OwnVerdict = Literal[
    "above the baseline",
    "below the baseline",
    "level with the baseline",
    "below what this can tell",
    "not run",
]

NOT_RUN: Literal["not run"] = "not run"
UNTOLD: Literal["below what this can tell"] = "below what this can tell"
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
OWN_VERDICTS: tuple[OwnVerdict, ...] = get_args(OwnVerdict)
ERROR_RATE = 0.05
MARGIN = 1.5  # points of PQ, AP or mIoU: a difference that is surely smaller counts as small
FRACTION = 0.01  # what a point is of a metric that is given as a fraction


@dataclass(frozen=True)
class Comparison:
    """A row beside its baseline, and the paper's row beside the paper's, if it has both.

    Attributes:
        key: what is compared with what. Rows of several tables that are one and the same run share it, and are one
            test.
        difference: ours.
        paper: the paper's difference; NaN if it has none.
        margin: below which a difference counts as small; zero if none is to.
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
        small_level: at which it was tested for being small; NaN if it was not.
        small: the largest difference that would have been small at that level, below zero if none would; NaN likewise.
    """

    verdict: Verdict | OwnVerdict
    level: float = math.nan
    visible: float = math.nan
    small_level: float = math.nan
    small: float = math.nan


def judge(
    comparisons: Mapping[Hashable, Comparison],
    rate: float = ERROR_RATE,
    tested: Mapping[Hashable, Judgement] | None = None,
) -> dict[Hashable, Judgement]:
    """The verdict on every row of a family, by the rows' names.

    ``tested`` are, by key, judgements of comparisons that are tests of another family: here they are none again.

    - *reproduced*: there is a difference, to the paper's side; its size plays no part.
    - *not reproduced*: there is one, to the other side, or the paper has none.
    - *as small as the paper's*: ours is surely within the margin, and the paper's is within it too.
    - *below what this can tell*: nothing of that, so more seeds are needed.
    - *not run*: there is no pair of seeds.

    Where the paper has no difference:

    - *above the baseline*, *below the baseline*: there is a difference, to that side.
    - *level with the baseline*: there is none, and it is surely within the margin.

    A difference that shows is told before its smallness, except where the paper's is zero and so has no side.
    """
    elsewhere = tested or {}
    known = {name: of for name, of in comparisons.items() if of.difference.chance is not None}
    own = {name: of for name, of in known.items() if of.key not in elsewhere}
    small = [of for of in own.values() if _asks(of)]
    by_key = levels({of.key: _known(of.difference.chance) for of in own.values()}, rate)
    small_by_key = levels({of.key: _known(of.difference.chance_within(of.margin)) for of in small}, rate)
    by_key |= {key: judged.level for key, judged in elsewhere.items()}
    small_by_key |= {key: judged.small_level for key, judged in elsewhere.items()}
    judged: dict[Hashable, Judgement] = {}
    for name, of in comparisons.items():
        if not of.difference.n:
            judged[name] = Judgement(NOT_RUN)
        elif name not in known:
            judged[name] = Judgement(UNTOLD)
        else:
            level, small_level = by_key[of.key], small_by_key.get(of.key, math.nan) if _asks(of) else math.nan
            differs = _known(of.difference.chance) <= level
            is_small = _known(of.difference.chance_within(of.margin)) <= small_level
            visible = _known(of.difference.visible(level))
            small_within = _known(of.difference.within(of.margin, small_level))
            judged[name] = Judgement(_word(of, differs, is_small), level, visible, small_level, small_within)
    return judged


def _asks(of: Comparison) -> bool:
    """Whether it is asked if the difference is small: not where the paper's is large."""
    return of.margin > 0 and (math.isnan(of.paper) or abs(of.paper) <= of.margin)


def _word(of: Comparison, differs: bool, is_small: bool) -> Verdict | OwnVerdict:
    if math.isnan(of.paper):
        return _own_word(of.difference.mean, differs, is_small)
    if differs and of.paper * of.difference.mean > 0:
        return "reproduced"
    if is_small and (of.paper == 0 or not differs):
        return "as small as the paper's"
    return "not reproduced" if differs else UNTOLD


def _own_word(mean: float, differs: bool, is_small: bool) -> OwnVerdict:
    if differs:
        return "above the baseline" if mean > 0 else "below the baseline"
    return "level with the baseline" if is_small else UNTOLD


def _known(value: float | None) -> float:
    assert value is not None
    return value
