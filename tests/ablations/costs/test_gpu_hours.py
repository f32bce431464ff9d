from pathlib import Path

import pandas as pd
import pytest

from ablations.costs.demand import run_flops
from ablations.costs.gpu_hours import GPUS, REFERENCE_IMAGES, REFERENCE_STEP, assumed_speed, hours_on
from ablations.planning.plan import config_of_scale
from ablations.planning.scales import chosen_scale
from ablations.studies import STUDIES

COSTS = Path(__file__).parents[3] / "reports" / "reference" / "costs.csv"


def test_the_references_step_is_the_committed_count():
    costs = pd.read_csv(COSTS, dtype={"table": str})
    row = costs[(costs["variant"] == "matching point, training point") & (costs["metric"] == "training_flops")]
    assert row["value"].item() == pytest.approx(REFERENCE_STEP / 1e9, abs=0.05)


def test_the_reference_takes_three_days_of_eight_v100():
    assert hours_on(GPUS["V100"], 2 * REFERENCE_STEP * REFERENCE_IMAGES) == pytest.approx((576, 576))


def test_other_gpus_are_faster_by_bandwidth_at_least_and_by_peak_at_most():
    flops = assumed_speed() * 3600
    assert hours_on(GPUS["A100 80 GB"], flops) == pytest.approx((125 / 312, 900 / 2039))
    assert all(low <= high <= 1 for low, high in (hours_on(gpu, flops) for gpu in GPUS.values()))


def test_lite_is_a_night_of_one_gpu():
    """Table 4(c), panoptic, in three seeds on an A100; its other rows take no more than the baseline."""
    config = config_of_scale(chosen_scale("lite"), "panoptic").config
    runs = 3 * len(STUDIES["4c"].variations)
    low, high = hours_on(GPUS["A100 80 GB"], runs * run_flops(config))
    assert 8 < low < high < 16
