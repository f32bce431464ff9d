# Minutes on two CPU cores: 600 iterations from random weights, so the backbone learns as fast as the rest. So short
# that it shows how fast a design learns; with 300, seeds of one design differ by twice as much.
def schedule(iterations, milestones):
    return dict(
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=iterations // 3),
        param_scheduler=[
            dict(type="LinearLR", start_factor=0.02, by_epoch=False, begin=0, end=50),
            dict(type="MultiStepLR", by_epoch=False, milestones=milestones, gamma=0.1),
        ],
    )


# 600 iterations stand for the paper's 50 epochs.
schedules = {
    f"{epochs}_epochs": schedule(epochs * 12, [epochs * 12 * 9 // 10, epochs * 12 * 19 // 20])
    for epochs in (12, 25, 50, 100)
}
# MaskFormer trains 1.5 times as long, with one drop after two thirds; its Swin Transformers learn at 0.6 of the rate.
# Its decoder has learnt nothing after 600 iterations: Table XII trains for twice as long.
maskformer_schedule = schedule(900, [600])
maskformer_schedule["table_xii"] = dict(maskformer=schedule(1800, [1200]), mask2former=schedule(1200, [1080, 1140]))
maskformer_schedule["swin"] = dict(lr=6e-4, param_scheduler=maskformer_schedule["param_scheduler"])
followers_schedule = schedules["50_epochs"]  # no shorter one, in which nothing would be learnt
train_cfg = schedules["50_epochs"]["train_cfg"]
param_scheduler = schedules["50_epochs"]["param_scheduler"]
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=1.0),
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.05, fused=True),
    clip_grad=dict(max_norm=0.01),
)
