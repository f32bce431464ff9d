# COCO, 50 epochs of batch 16 (paper section 4.2): the learning rate falls at 0.9 and 0.95 of the iterations. The
# reference's own config has 327778 and 355092 in their place.
def schedule(iterations, milestones):
    return dict(
        # Rounded up, so that the last of ten evaluations is that of the end.
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=-(-iterations // 10)),
        param_scheduler=[dict(type="MultiStepLR", by_epoch=False, milestones=milestones, gamma=0.1)],
    )


schedules = {
    f"{epochs}_epochs": schedule(epochs * 7375, [epochs * 7375 * 9 // 10, epochs * 7375 * 19 // 20])
    for epochs in (12, 25, 50, 100)
}
# MaskFormer's, of as many iterations: STEPS and MAX_ITER of its Base-COCO-PanopticSegmentation.yaml, and with a Swin
# Transformer BASE_LR, WARMUP_FACTOR and WARMUP_ITERS of maskformer_panoptic_swin_tiny_bs64_554k.yaml.
maskformer_schedule = schedule(554400, [369600])
maskformer_schedule["swin"] = dict(
    lr=6e-5,
    param_scheduler=[
        dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1501),
        *maskformer_schedule["param_scheduler"],
    ],
)
train_cfg = schedules["50_epochs"]["train_cfg"]
param_scheduler = schedules["50_epochs"]["param_scheduler"]
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=0.1),
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
