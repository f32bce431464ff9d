import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.models.task_modules.assigners import match_cost
from mmengine.structures import InstanceData

from m2f.models.matching import assign, matching_costs


def test_costs_equal_mmdets():
    torch.manual_seed(0)
    classes, logits = torch.randn(2, 1, 6, 5), torch.randn(2, 1, 6, 40)  # L, B, Q, K + 1 and L, B, Q, P
    labels, masks = torch.tensor([[3, 0, 2]]), (torch.rand(1, 1, 3, 40) > 0.5).float()
    ours = matching_costs(classes, logits, labels, masks, (2.0, 5.0, 5.0))
    terms = [
        match_cost.ClassificationCost(weight=2.0),
        match_cost.CrossEntropyLossCost(weight=5.0, use_sigmoid=True),
        match_cost.DiceCost(weight=5.0, pred_act=True, eps=1.0),
    ]
    for layer in range(2):
        predicted = InstanceData(scores=classes[layer, 0], masks=logits[layer, 0])
        truth = InstanceData(labels=labels[0], masks=masks[0, 0])
        torch.testing.assert_close(ours[layer, 0], sum(term(predicted, truth) for term in terms))


def test_focal_costs_equal_mmdets():
    torch.manual_seed(0)
    classes, logits = torch.randn(1, 1, 6, 5), torch.randn(1, 1, 6, 40)
    labels, masks = torch.tensor([[3, 0, 2]]), (torch.rand(1, 1, 3, 40) > 0.5).float()
    ours = matching_costs(classes, logits, labels, masks, (0.0, 20.0, 0.0), focal=True)
    predicted = InstanceData(scores=classes[0, 0], masks=logits[0, 0])
    expected = match_cost.FocalLossCost(weight=20.0, binary_input=True)(
        predicted, InstanceData(labels=labels[0], masks=masks[0, 0])
    )
    torch.testing.assert_close(ours[0, 0], expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), queries=st.integers(1, 5), targets=st.integers(0, 4))
def test_assignment_is_the_cheapest_of_all(seed, queries, targets):
    torch.manual_seed(seed)
    costs = torch.rand(2, 1, queries, targets)
    matches = assign(costs, [targets])
    size = min(queries, targets)
    for layer in range(2):
        mine = matches.layer == layer
        found = costs[layer, 0][matches.query[mine], matches.target[mine]].sum()
        every = (
            sum(float(costs[layer, 0, q, t]) for q, t in zip(chosen, order, strict=True))
            for chosen in itertools.permutations(range(queries), size)
            for order in itertools.combinations(range(targets), size)
        )
        assert mine.sum() == size
        assert float(found) == pytest.approx(min(every))


def test_padded_targets_are_never_matched():
    costs = torch.tensor(
        [[[[5.0, 0.0], [6.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]]]]
    )  # the second target of image 0 is padding
    matches = assign(costs, [1, 2])
    assert list(zip(matches.image.tolist(), matches.query.tolist(), matches.target.tolist(), strict=True)) == [
        (0, 0, 0),
        (1, 0, 0),
        (1, 1, 1),
    ]


def test_broken_costs_are_avoided_and_reported(caplog):
    costs = torch.tensor([[[[float("nan")], [3.0]]]])
    assert assign(costs, [1]).query.tolist() == [1]
