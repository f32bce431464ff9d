"""Damaged input ends in right numbers or in a sentence, whatever the damage; ``make fuzz`` goes on with other seeds.

A case alone: ``python -m pytest tests/fuzz -k store-17-``.
"""

import pytest
from cases import fault

CASES = {
    "store": 50,
    "report": 5,
    "baseline": 70,
    "results": 50,
    "data": 100,
    "checkpoint": 60,
    "evaluation": 10,
    "config": 30,
    "override": 40,
    "command-line": 50,
}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    return tmp_path_factory.mktemp("trees")


@pytest.mark.parametrize(
    ("subject", "seed"),
    [pytest.param(name, seed, id=f"{name}-{seed}-") for name, count in CASES.items() for seed in range(count)],
)
def test_damage(subject, seed, trees):
    found = fault(subject, seed, trees)
    assert not found, found
