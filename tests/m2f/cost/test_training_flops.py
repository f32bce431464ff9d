from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData

from m2f.cost.flops import multiply_accumulates
from m2f.cost.training_flops import training_flops
from m2f.registry import MODELS

MINI = Path(__file__).parents[3] / "configs" / "mini" / "panoptic.py"


@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
def test_a_step_without_data_costs_what_a_real_one_does(mask_prediction):
    """A real FPN model on the CPU, with real matching; deformable sampling, which counts nothing, is not in it."""
    config = Config.fromfile(MINI).model
    options = {key: config.pixel_decoder[key] for key in ("in_channels", "embed_dims", "norm_groups")}
    config.pixel_decoder = {"type": "m2f.FPN", **options}
    config.transformer_decoder.mask_prediction = mask_prediction
    model = MODELS.build(config).train()
    sample = DetDataSample(metainfo={"img_shape": (64, 64), "ori_shape": (64, 64)})
    sample.gt_instances = InstanceData(labels=torch.zeros(3, dtype=torch.long), masks=torch.rand(3, 64, 64) > 0.5)

    def step():
        model.loss(torch.randn(1, 3, 64, 64), [sample])["loss"].backward()

    real = multiply_accumulates(step, gradients=True)
    assert training_flops(config, (64, 64), targets=3) == pytest.approx(real, rel=0.02)
