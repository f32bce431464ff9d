from dataclasses import replace

import pytest

from ablations.selftest import training_step
from ablations.selftest.shown import step_lines
from ablations.selftest.training_step import TrainingStep, at_full_size


def test_hours_of_tables_are_those_of_the_documents(monkeypatch):
    """Table 4(c), three tasks: 8 runs on COCO of 8.76e18 FLOPs, 4 on ADE20K of 9.82e17."""
    counts = {(1024, 1024): 742.4e9, (512, 512): 191.8e9}
    monkeypatch.setattr(training_step, "training_flops", lambda model, size: counts[size])
    hours = training_step.table_hours(1e12)
    assert hours["4c"] == pytest.approx((8 * 8.76e18 + 4 * 9.82e17) / 1e12 / 3600, rel=1e-3)
    assert hours["4e"] == pytest.approx(hours["4c"] * 5 / 4)


def test_hours_are_those_of_a_step_at_full_size():
    step = TrainingStep(0.5, 3e12, 10**10, images=2, side=1024, precision="mixed")
    assert at_full_size(step) and not at_full_size(replace(step, side=256))
    assert "4c 1,234" in step_lines(step, {"4c": 1234.4})[-1]
    assert len(step_lines(step, {})) == 1
