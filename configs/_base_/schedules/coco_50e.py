# COCO, 50 epochs of batch 16 (paper section 4.2): the learning rate falls at 0.9 and 0.95 of the iterations. The
# reference's own config has 327778 and 355092 in their place.
max_iters = 368750
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=max_iters // 10)
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=0.1),
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
param_scheduler = [
    dict(type="MultiStepLR", by_epoch=False, milestones=[max_iters * 9 // 10, max_iters * 19 // 20], gamma=0.1)
]
