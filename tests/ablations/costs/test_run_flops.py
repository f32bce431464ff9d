from pathlib import Path

import pytest
from mmengine.config import Config

from ablations.costs.counted import inference_flops
from ablations.store.run_record import RunRecord
from ablations.store.runs import config_text
from m2f.cost import Images, flops

MINI = Path(__file__).parents[3] / "configs" / "mini" / "panoptic.py"


def test_a_runs_own_model_is_counted_with_dense_masks(tmp_path):
    config = Config.fromfile(MINI).to_dict()
    config["model"]["transformer_decoder"]["num_layers"] = 2
    (tmp_path / "config.py").write_text(config_text(config))
    dense = Config(config).model
    dense.transformer_decoder.mask_prediction = "dense"
    assert inference_flops(RunRecord(tmp_path)) == pytest.approx(flops(dense, Images({(128, 128): 1})))
