"""The baselines in ``baselines/`` are those of the suite as it is."""

from pathlib import Path

import pytest

from ablations.gate import measured
from ablations.gate.baseline_file import TableRow, read_baseline_file
from ablations.gate.measured import count_costs, read_evidence
from ablations.metric_names import FIRST_LOSS, LAST_LOSS
from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies import STUDIES

ROOT = Path(__file__).parents[3]
BASELINES = ROOT / "baselines"


def test_mini_is_the_committed_reference(monkeypatch):
    monkeypatch.setattr(measured, "count_costs", lambda config: {})  # a test of their own counts some
    reference = read_evidence(ROOT / "reports" / "reference").evidence
    assert read_baseline_file(BASELINES / "mini.json").evidence.metrics == reference.metrics


@pytest.mark.parametrize("scale", ["mini", "smoke"])
def test_costs_are_those_of_the_configs(scale, tmp_path):
    """Of Table 4(c), panoptic; if a model was meant to change: `m2f check --update`."""
    costs = read_baseline_file(BASELINES / f"{scale}.json").evidence.costs
    cells = make_plan([STUDIES["4c"]], chosen_scale(scale), ["panoptic"], [0], {}, tmp_path).cells
    for cell in cells:
        assert count_costs(cell.run.config) == costs[TableRow("4c", scale, "panoptic", cell.variant)]


def test_smoke_has_what_holds_on_any_processor():
    """The whole of two tables, the losses of training among it, each with a tolerance; and no seconds."""
    baseline = read_baseline_file(BASELINES / "smoke.json")
    rows = {row.variant: row for row in baseline.evidence.rows}
    assert set(rows) == {variation.name for table in ("4c", "4e") for variation in STUDIES[table].variations}
    for row in rows.values():
        for name in ("PQ", "mIoU_pan", FIRST_LOSS, LAST_LOSS):
            assert baseline.evidence.metrics[row, name]
            assert name in baseline.tolerances
    assert (baseline.speed_factor, baseline.evidence.speeds) == (None, {})
