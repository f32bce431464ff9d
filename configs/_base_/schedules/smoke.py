# Seconds: proves the path, says nothing about accuracy.
def schedule(iterations):
    return dict(
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=2),
        param_scheduler=[
            dict(type="LinearLR", start_factor=0.5, by_epoch=False, begin=0, end=2),
            dict(type="MultiStepLR", by_epoch=False, milestones=[iterations - 1], gamma=0.1),
        ],
    )


# 4 iterations stand for the paper's 50 epochs.
schedules = {
    f"{epochs}_epochs": schedule(iterations) for epochs, iterations in ((12, 2), (25, 3), (50, 4), (75, 6), (100, 8))
}
train_cfg = schedules["50_epochs"]["train_cfg"]
param_scheduler = schedules["50_epochs"]["param_scheduler"]
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=1.0),
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
