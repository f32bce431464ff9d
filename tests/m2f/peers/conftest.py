from pathlib import Path

import pytest
from mmengine.config import Config

CONFIG = Path(__file__).with_name("tiny_config.py")
SWIN = {
    "type": "mmdet.SwinTransformer",
    "embed_dims": 16,
    "depths": [2, 2, 2, 2],
    "num_heads": [2, 2, 2, 2],
    "window_size": 3,
    "drop_path_rate": 0.0,
}


@pytest.fixture
def tiny():
    """The ``model`` of a small config, with a ResNet."""
    return Config.fromfile(CONFIG).model.to_dict()


@pytest.fixture
def tiny_swin(tiny):
    """The same with a Swin Transformer."""
    return {**tiny, "backbone": SWIN, "pixel_decoder": {**tiny["pixel_decoder"], "in_channels": [16, 32, 64, 128]}}
