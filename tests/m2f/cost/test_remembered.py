"""Operators on the meta device that are run once: what they give then and later, and what is run each time."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from m2f.cost.remembered import Remembered


class Seen(TorchDispatchMode):
    """Keeps which operators are run."""

    def __init__(self):
        super().__init__()
        self.operators = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.operators.append(func)
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def remembered(monkeypatch):
    results = {}
    monkeypatch.setattr("m2f.cost.remembered.RESULTS", results)
    return results


def twice(function):
    """What a function gives the second time, and the operators that were run for it."""
    with Seen() as seen, Remembered():
        function()
        first = len(seen.operators)
        result = function()
    return result, seen.operators[first:]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.transpose(0, 1).contiguous() + 1,
        lambda x: x.topk(2, dim=1),
        lambda x: torch.nn.functional.layer_norm(x, (6,)),
        lambda x: x.half() * x,
        lambda x: x.t() * 2,  # strides stay
        lambda x: torch.stack([x, x]).split(1)[1],
        lambda x: (x > 0) & (x < 1),
    ],
)
def test_results_are_those_of_the_operators(function):
    x = torch.empty(4, 6, device="meta")
    results, expected = twice(lambda: function(x))[0], function(x)
    pairs = zip(results, expected, strict=True) if isinstance(expected, tuple) else [(results, expected)]
    for result, other in pairs:
        assert (result.shape, result.stride(), result.dtype) == (other.shape, other.stride(), other.dtype)
        assert result.untyped_storage().nbytes() == other.untyped_storage().nbytes()


def test_what_only_makes_is_run_once():
    x = torch.empty(4, 6, device="meta")
    _, run = twice(lambda: x.sigmoid())
    assert torch.ops.aten.sigmoid.default not in run


def test_numbers_and_flags_are_told_apart():
    x = torch.empty(4, device="meta", dtype=torch.int64)
    with Remembered():
        assert [(x + one).dtype for one in (1, True, 1.0)] == [torch.int64, torch.int64, torch.float32]


def test_each_result_is_a_tensor_of_its_own():
    x = torch.empty(4, device="meta")
    with Remembered():
        one, other = x.sigmoid(), x.sigmoid()
    assert one.untyped_storage()._cdata != other.untyped_storage()._cdata


@pytest.mark.parametrize("function", [lambda x: x.mul_(2), lambda x: x.view(6, 4), lambda x: x[1:]])
def test_what_writes_or_gives_a_view_keeps_its_storage(function):
    x = torch.empty(4, 6, device="meta")
    result, _ = twice(lambda: function(x))
    assert result.untyped_storage()._cdata == x.untyped_storage()._cdata


def test_numbers_are_computed_each_time(remembered):
    with Remembered():
        assert [float(torch.tensor([value]).exp().log().round()) for value in (1.0, 2.0)] == [1.0, 2.0]
        assert [len(torch.tensor(flags).nonzero()) for flags in ([True, False], [True, True])] == [1, 2]
    assert not remembered


def test_gradients_flow_through_what_is_remembered():
    x = torch.empty(4, 6, device="meta", requires_grad=True)
    with Remembered():
        for _ in range(2):
            (x.sigmoid() * 2).sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape
