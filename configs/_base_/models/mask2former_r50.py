# Mask2Former with a ResNet-50 as the paper trains it (section 4.1).
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
        depth=50,
        norm_cfg=dict(type="BN", requires_grad=False),
        norm_eval=True,
        zero_init_residual=False,  # norms do not learn: a zero would silence a branch that starts from random weights
        # What torchvision calls resnet50, IMAGENET1K_V1; by its address, because torchvision itself is not needed.
        init_cfg=dict(type="Pretrained", checkpoint="https://download.pytorch.org/models/resnet50-0676ba61.pth"),
    ),
    pixel_decoder=dict(type="m2f.MSDeformAttn", in_channels=[256, 512, 1024, 2048]),
    transformer_decoder=dict(
        type="m2f.MaskedAttentionDecoder",
        queries=dict(type="m2f.LearnableQueries", num_queries=100),
        cross_attention=dict(type="m2f.MaskedAttention"),
        num_layers=9,
    ),
    criterion=dict(type="m2f.PointCriterion", num_points=12544),
)


def swin(embed_dims, depths, num_heads, window_size, checkpoint):
    return dict(
        backbone=dict(
            type="mmdet.SwinTransformer",
            embed_dims=embed_dims,
            depths=depths,
            num_heads=num_heads,
            window_size=window_size,
            drop_path_rate=0.3,
            convert_weights=True,
            init_cfg=dict(
                type="Pretrained",
                checkpoint=f"https://github.com/SwinTransformer/storage/releases/download/v1.0.0/{checkpoint}.pth",
            ),
        ),
        in_channels=[embed_dims, 2 * embed_dims, 4 * embed_dims, 8 * embed_dims],
    )


resnet101 = dict(
    backbone={
        **model["backbone"],
        "depth": 101,
        "init_cfg": dict(type="Pretrained", checkpoint="https://download.pytorch.org/models/resnet101-63fe2227.pth"),
    },
    in_channels=model["pixel_decoder"]["in_channels"],
)
# By their names in the paper's tables; Figure III calls four of them by their size.
backbones = {
    "R101": resnet101,
    "Swin-T": swin(96, [2, 2, 6, 2], [3, 6, 12, 24], 7, "swin_tiny_patch4_window7_224"),
    "Swin-S": swin(96, [2, 2, 18, 2], [3, 6, 12, 24], 7, "swin_small_patch4_window7_224"),
    "Swin-B": swin(128, [2, 2, 18, 2], [4, 8, 16, 32], 12, "swin_base_patch4_window12_384"),
    "Swin-B-22k": swin(128, [2, 2, 18, 2], [4, 8, 16, 32], 12, "swin_base_patch4_window12_384_22k"),
    "Swin-L-22k": swin(192, [2, 2, 18, 2], [6, 12, 24, 48], 12, "swin_large_patch4_window12_384_22k"),
}
backbones |= {
    "tiny": backbones["Swin-T"],
    "small": backbones["Swin-S"],
    "base": backbones["Swin-B-22k"],
    "large": backbones["Swin-L-22k"],
}
