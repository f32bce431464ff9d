import math

import pytest
import torch

from ablations.selftest.beside_cpu import gradient_difference


def test_the_farthest_gradient_counts():
    expected = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([0.1])}
    found = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([0.11])}
    assert gradient_difference(found, expected) == pytest.approx(0.1)


def test_a_gradient_that_is_zero_but_for_rounding_counts_little():
    expected = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([1e-9])}
    found = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([-1e-9])}
    assert gradient_difference(found, expected) < 1e-6


def test_a_parameter_without_gradient_is_seen():
    one = {"a": torch.ones(1)}
    assert gradient_difference({}, one) == gradient_difference({**one, "b": torch.ones(1)}, one) == math.inf
