# COCO, 50 epochs of batch 16 (paper section 4.2): the learning rate falls at 0.9 and 0.95 of the iterations. The
# reference's own config has 327778 and 355092 in their place.
def schedule(iterations):
    return dict(
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=iterations // 10),
        param_scheduler=[
            dict(
                type="MultiStepLR",
                by_epoch=False,
                milestones=[iterations * 9 // 10, iterations * 19 // 20],
                gamma=0.1,
            )
        ],
    )


schedules = {f"{epochs}_epochs": schedule(epochs * 7375) for epochs in (12, 25, 50, 75, 100)}
train_cfg = schedules["50_epochs"]["train_cfg"]
param_scheduler = schedules["50_epochs"]["param_scheduler"]
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=0.1),
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
