# COCO, 50 epochs of batch 16 (paper section 4.2): the learning rate falls at 0.9 and 0.95 of the iterations. The
# reference's own config has 327778 and 355092 in their place.
def schedule(iterations, milestones, evaluations):
    return dict(
        # Rounded up, so that the last evaluation is that of the end.
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=-(-iterations // evaluations)),
        param_scheduler=[dict(type="MultiStepLR", by_epoch=False, milestones=milestones, gamma=0.1)],
    )


def mask2formers(iterations_of_an_epoch, evaluations):
    lengths = {epochs: epochs * iterations_of_an_epoch for epochs in (12, 25, 50, 100)}
    return {
        f"{epochs}_epochs": schedule(iterations, [iterations * 9 // 10, iterations * 19 // 20], evaluations)
        for epochs, iterations in lengths.items()
    }


def maskformers(iterations, evaluations, mask2former):
    """STEPS and MAX_ITER of its Base-COCO-PanopticSegmentation.yaml, and with a Swin Transformer BASE_LR, WARMUP_FACTOR
    and WARMUP_ITERS of maskformer_panoptic_swin_tiny_bs64_554k.yaml; for another length in proportion."""
    chosen = schedule(iterations, [iterations * 2 // 3], evaluations)
    warmup = 1500 * iterations // 554400
    return dict(
        **chosen,
        table_xii=dict(maskformer=chosen, mask2former=mask2former),
        swin=dict(
            lr=6e-5,
            param_scheduler=[
                dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=warmup + 1),
                *chosen["param_scheduler"],
            ],
        ),
    )


schedules = mask2formers(7375, evaluations=10)
maskformer_schedule = maskformers(554400, evaluations=10, mask2former=schedules["50_epochs"])
followers_schedule = schedules["12_epochs"]  # what later papers print their ablations for
# 6,000 iterations stand for the 50 epochs: an hour of one GPU, see configs/lite.
lite_schedules = mask2formers(120, evaluations=3)
lite = dict(
    schedules=lite_schedules,
    maskformer_schedule=maskformers(9000, evaluations=3, mask2former=lite_schedules["50_epochs"]),
    followers_schedule=lite_schedules["12_epochs"],
    **lite_schedules["50_epochs"],
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
