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
# MaskFormer trains as long on ADE20K, whatever its epochs on COCO (Table XII(a)).
schedules = {"75_epochs": dict(train_cfg=train_cfg, param_scheduler=param_scheduler)}
