import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "profile_training.py"
specification = importlib.util.spec_from_file_location("profile_training", SCRIPT)
profile_training = importlib.util.module_from_spec(specification)
specification.loader.exec_module(profile_training)


def test_parts_of_a_whole_run_and_what_they_reach():
    """Ten measured iterations of 1 s; a whole run has 100, with 2 evaluations of 20 s."""
    booked = {"data": 1.0, "backbone": 2.0, "matching": 1.0, "matching and loss": 3.0, "step": 9.0, "evaluation": 20.0}
    seconds = profile_training.seconds_an_iteration(booked, measured=10, iterations=100, interval=50)
    expected = {"data": 0.1, "backbone": 0.2, "matching": 0.1, "loss": 0.2, "rest of the step": 0.4, "evaluation": 0.4}
    assert seconds == pytest.approx(expected)
    counted = {"backbone": 4e9, "matching": 1e9, "matching and loss": 2e9, "evaluation": 100e9}
    macs = profile_training.macs_an_iteration(counted, interval=50)
    assert macs == {"backbone": 4e9, "matching": 1e9, "loss": 1e9, "evaluation": 2e9}
    lines = profile_training.table(seconds, macs, peak=40e9).splitlines()
    assert lines[2:4] == ["| data | 100.0 | 7% |  |", "| backbone | 200.0 | 14% | 50% |"]
    assert lines[-1] == "| evaluation | 400.0 | 29% | 12% |"
