# The paper's model in small: every part is there, narrower and with fewer layers. The decoder goes round the three
# scales once, where the paper's goes round three times.
embed_dims = 64
model = dict(
    type="m2f.Mask2Former",
    data_preprocessor=dict(
        type="mmdet.DetDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type="mmdet.ResNet",
        depth=18,
        base_channels=16,
        stem_channels=16,
        norm_cfg=dict(type="BN"),
        norm_eval=False,
        zero_init_residual=False,
    ),
    pixel_decoder=dict(
        type="m2f.MSDeformAttn",
        in_channels=[16, 32, 64, 128],
        embed_dims=embed_dims,
        num_layers=2,
        num_heads=4,
        num_points=4,
        feedforward_dims=128,
        norm_groups=8,
    ),
    transformer_decoder=dict(
        type="m2f.MaskedAttentionDecoder",
        embed_dims=embed_dims,
        num_heads=4,
        feedforward_dims=256,
        num_layers=3,
        queries=dict(type="m2f.LearnableQueries", num_queries=30),
        cross_attention=dict(type="m2f.MaskedAttention"),
    ),
    criterion=dict(type="m2f.PointCriterion", num_points=256),
)


def backbone_and_channels(channels):
    return dict(
        backbone={**model["backbone"], "base_channels": channels, "stem_channels": channels},
        in_channels=[channels, 2 * channels, 4 * channels, 8 * channels],
    )


# Sizes of Figure III; small is the model above.
backbones = {
    size: backbone_and_channels(channels)
    for size, channels in (("tiny", 8), ("small", 16), ("base", 24), ("large", 32))
}
