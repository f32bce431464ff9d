"""Forward and backward of the pixel decoders of Table 4(e) on R50's features of 512 x 512, beside mmdet's."""

import pytest
import torch
from mmdet.models.layers import PixelDecoder, TransformerEncoderPixelDecoder

from m2f.models.pixel_decoders import FPN, BiFPN, FaPN, SemanticFPN, TransformerEncoderFPN

CHANNELS, DIMS = [256, 512, 1024, 2048], 256


def mmdet_encoder():
    attention = {"embed_dims": DIMS, "num_heads": 8, "dropout": 0.0, "batch_first": True}
    activation = {"type": "ReLU", "inplace": True}
    feedforward = {"embed_dims": DIMS, "feedforward_channels": 2048, "num_fcs": 2, "act_cfg": activation}
    layer = {"self_attn_cfg": attention, "ffn_cfg": feedforward | {"ffn_drop": 0.0}}
    return {"num_layers": 6, "layer_cfg": layer}


ROWS = {
    ("deformable attention", "m2f"): lambda models: models.ours.pixel_decoder,
    ("deformable attention", "mmdet"): lambda models: models.theirs.panoptic_head.pixel_decoder,
    ("FPN", "m2f"): lambda models: FPN(CHANNELS),
    ("FPN", "mmdet"): lambda models: PixelDecoder(CHANNELS, DIMS, DIMS),
    ("FPN with encoder", "m2f"): lambda models: TransformerEncoderFPN(CHANNELS),
    ("FPN with encoder", "mmdet"): lambda models: TransformerEncoderPixelDecoder(
        CHANNELS, DIMS, DIMS, encoder=mmdet_encoder()
    ),
    ("Semantic FPN", "m2f"): lambda models: SemanticFPN(CHANNELS),
    ("BiFPN", "m2f"): lambda models: BiFPN(CHANNELS),
    ("FaPN", "m2f"): lambda models: FaPN(CHANNELS),
}


@pytest.mark.parametrize(("group", "library"), ROWS)
def test_pixel_decoder(timed, models, predictions, group, library):
    decoder = ROWS[group, library](models)
    metas = (predictions.metas,) if group.startswith("FPN") and library == "mmdet" else ()
    features = [level.clone().requires_grad_() for level in predictions.backbone]

    def step():
        outputs = decoder(features, *metas)
        flat = [output for part in outputs for output in ([part] if isinstance(part, torch.Tensor) else part)]
        learnt = [output.sum() for output in flat if output.requires_grad]
        torch.stack(learnt).sum().backward()

    timed(f"pixel decoder: {group}", step, rounds=3)
