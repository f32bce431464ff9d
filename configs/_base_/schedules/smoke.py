# Seconds: proves the path, says nothing about accuracy.
max_iters = 4
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=2)
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=1.0),
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.5, by_epoch=False, begin=0, end=2),
    dict(type="MultiStepLR", by_epoch=False, milestones=[3], gamma=0.1),
]
