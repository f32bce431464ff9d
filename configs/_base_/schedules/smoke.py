# Seconds: proves the path, says nothing about accuracy.
def schedule(iterations, milestones):
    return dict(
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=2),
        param_scheduler=[
            dict(type="LinearLR", start_factor=0.5, by_epoch=False, begin=0, end=2),
            dict(type="MultiStepLR", by_epoch=False, milestones=milestones, gamma=0.1),
        ],
    )


# 4 iterations stand for the paper's 50 epochs.
schedules = {
    f"{epochs}_epochs": schedule(iterations, [iterations - 1])
    for epochs, iterations in ((12, 2), (25, 3), (50, 4), (100, 8))
}
# MaskFormer trains 1.5 times as long, with one drop after two thirds; its Swin Transformers learn at 0.6 of the rate.
maskformer_schedule = schedule(6, [4])
maskformer_schedule["table_xii"] = dict(maskformer=schedule(6, [4]), mask2former=schedules["50_epochs"])
maskformer_schedule["swin"] = dict(lr=6e-4, param_scheduler=maskformer_schedule["param_scheduler"])
followers_schedule = schedules["50_epochs"]  # no shorter one, in which nothing would be learnt
train_cfg = schedules["50_epochs"]["train_cfg"]
param_scheduler = schedules["50_epochs"]["param_scheduler"]
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=1.0),
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
