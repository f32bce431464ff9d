# Mask2Former with a ResNet-50 as the paper trains it (section 4.1).
model = dict(
    type="Mask2Former",
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
    pixel_decoder=dict(type="MSDeformAttn", in_channels=[256, 512, 1024, 2048]),
    transformer_decoder=dict(
        type="MaskedAttentionDecoder",
        queries=dict(type="LearnableQueries", num_queries=100),
        cross_attention=dict(type="MaskedAttention"),
    ),
    criterion=dict(type="PointCriterion", num_points=12544),
)
