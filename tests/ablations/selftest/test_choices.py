import pytest
import torch
from torch import nn

from ablations.selftest.choices import recording, repeating, same_points, share_apart, without_dropout
from m2f.models import criterion
from m2f.models.matching import Matches

CPU = torch.device("cpu")


def matches(*queries):
    zeros = torch.zeros(len(queries), dtype=torch.long)
    return Matches(zeros, zeros, torch.tensor(queries), zeros)


@pytest.mark.parametrize(
    ("own", "expected", "share"),
    [
        (torch.tensor([True, False]), torch.tensor([True, True]), 0.5),
        # Two masks' points, the first's in another order, one of the second's another.
        (
            torch.tensor([[[0.1, 0.0], [0.2, 0.0]], [[0.3, 0.0], [0.4, 0.0]]]),
            torch.tensor([[[0.2, 0.0], [0.1, 0.0]], [[0.3, 0.0], [0.1, 0.0]]]),
            0.25,
        ),
    ],
)
def test_share_of_other_choices(own, expected, share):
    assert share_apart(own, expected) == share


def test_matches_are_apart_by_their_costs():
    costs = torch.tensor([1.0, 2.0, 3.0, 3.0]).view(1, 1, 4, 1)
    assert share_apart(matches(3), matches(2), costs, [1]) == 0
    assert share_apart(matches(2), matches(1), costs, [1]) == 0.5


def test_choices_are_given_again_and_compared():
    made, apart = [], []
    record = recording(made)
    assert torch.equal(record(torch.logical_not, torch.tensor([True, False])), torch.tensor([False, True]))
    repeat = repeating(made, CPU, apart)
    assert torch.equal(repeat(torch.logical_not, torch.tensor([True, True])), torch.tensor([False, True]))
    assert apart == [0.5]


def test_points_are_the_same_for_every_mask():
    with same_points():
        many, one = criterion.random_points(3, 5, CPU), criterion.random_points(1, 5, CPU)
    assert torch.equal(many, one.expand(3, -1, -1))
    assert len(many[0].unique()) == 10
    assert not torch.equal(criterion.random_points(3, 5, CPU), many)


def test_nothing_is_dropped():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    without_dropout(model)
    assert torch.equal(model.train()(torch.ones(1, 4)), model.eval()(torch.ones(1, 4)))
