"""The paper's panoptic model, narrow and with few layers."""

default_scope = "m2f"
task = "panoptic"
model = {
    "type": "Mask2Former",
    "task": task,
    "num_things": 3,
    "num_stuff": 2,
    "backbone": {
        "type": "mmdet.ResNet",
        "depth": 50,
        "base_channels": 8,
        "stem_channels": 8,
        "norm_cfg": {"type": "BN", "requires_grad": False},
        "norm_eval": True,
    },
    "pixel_decoder": {
        "type": "MSDeformAttn",
        "in_channels": [32, 64, 128, 256],
        "embed_dims": 32,
        "num_layers": 1,
        "num_heads": 4,
        "feedforward_dims": 48,
        "norm_groups": 8,
    },
    "transformer_decoder": {
        "type": "MaskedAttentionDecoder",
        "embed_dims": 32,
        "num_heads": 4,
        "feedforward_dims": 40,
        "num_layers": 4,
        "queries": {"type": "LearnableQueries", "num_queries": 20},
        "cross_attention": {"type": "MaskedAttention"},
    },
    "criterion": {"type": "PointCriterion", "num_points": 200},
}
