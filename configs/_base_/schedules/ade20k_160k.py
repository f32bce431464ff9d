# ADE20K, 160k iterations of batch 16 (MaskFormer's schedule, with the rates of paper section 4.2).
max_iters = 160000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=max_iters // 10)
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=0.1),
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
param_scheduler = [dict(type="PolyLR", by_epoch=False, power=0.9, eta_min=0, begin=0, end=max_iters)]
# MaskFormer trains as long; with a Swin Transformer BASE_LR, WARMUP_FACTOR and WARMUP_ITERS are those of its
# maskformer_swin_tiny_bs16_160k.yaml.
maskformer_schedule = dict(
    train_cfg=train_cfg,
    param_scheduler=param_scheduler,
    swin=dict(
        lr=6e-5,
        param_scheduler=[
            dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1501),
            *param_scheduler,
        ],
    ),
)
