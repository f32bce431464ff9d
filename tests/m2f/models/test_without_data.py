import json

from m2f.models.without_data import meta_module
from m2f.registry import MODELS


def test_parts_without_data_are_the_parts():
    """Buffers that a backbone computes when it is built, and all shapes, are as ever."""
    swin = {"type": "mmdet.SwinTransformer", "embed_dims": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]}
    built, meta = MODELS.build(swin), meta_module(json.dumps(swin))
    assert {name: value.shape for name, value in built.state_dict().items()} == {
        name: value.shape for name, value in meta.state_dict().items()
    }
    assert {value.device.type for value in meta.state_dict().values()} == {"meta"}
