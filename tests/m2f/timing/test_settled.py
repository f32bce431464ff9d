import math

import pytest
import torch

from m2f.timing import settled
from m2f.timing.settled import Rounds, ratio_of, until_settled

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("count", "ends"),
    [(6, (0, 5)), (8, (0, 7)), (9, (1, 7)), (20, (5, 14))],
    ids=str,
)
def test_the_interval_is_that_of_the_sign_test(count, ends):
    """Tabled ranks of the 95% interval of a median: 6: 1 to 6, 8: 1 to 8, 9: 2 to 8, 20: 6 to 15."""
    ratio = ratio_of([float(value) for value in reversed(range(count))])
    assert (ratio.low, ratio.high) == ends
    assert ratio.median == (count - 1) / 2
    assert ratio.spread == (ends[1] - ends[0]) / (count - 1)


def test_few_rounds_tell_nothing():
    ratio = ratio_of([2.0] * 5)
    assert (ratio.median, ratio.low, ratio.high) == (2.0, None, None)
    assert math.isinf(ratio.spread)


def test_ratios_are_of_the_same_round():
    """A round in which all take twice as long changes no ratio."""
    rounds = Rounds([9.0, 9.0], [[1.0, 3.0], [2.0, 6.0], [1.0, 3.0]])
    assert rounds.ratio(1, 0).median == 3.0
    assert rounds.of(1) == [3.0, 6.0, 3.0]


def timed(monkeypatch, seconds_of_round):
    """``until_settled`` with works that say how long they take."""
    done = []

    def seconds(work, device):
        done.append(work)
        return seconds_of_round(work, (len(done) - 1) // 2)

    monkeypatch.setattr(settled, "seconds", seconds)
    return until_settled(["ours", "theirs"], [0, 0], CPU, most=12)


def test_rounds_end_when_ratios_are_known(monkeypatch):
    rounds = timed(monkeypatch, lambda work, turn: (1.0 if work == "ours" else 3.0) * (50 if turn == 0 else 1))
    assert rounds.warm_up == [50.0, 150.0]
    assert rounds.counted == [[1.0, 3.0]] * 6


def test_rounds_end_at_the_bound_where_ratios_are_not_known(monkeypatch):
    rounds = timed(monkeypatch, lambda work, turn: 1.0 if work == "ours" else 3.0 + turn % 2)
    assert len(rounds.counted) == 12
    assert rounds.ratio(1, 0).spread > settled.SETTLED
