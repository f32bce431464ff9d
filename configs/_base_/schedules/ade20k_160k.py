# ADE20K, 160k iterations of batch 16 (MaskFormer's schedule, with the rates of paper section 4.2).
def schedule(iterations, evaluations):
    return dict(
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=iterations, val_interval=iterations // evaluations),
        param_scheduler=[dict(type="PolyLR", by_epoch=False, power=0.9, eta_min=0, begin=0, end=iterations)],
    )


def maskformers(schedule, mask2former):
    """As long as its ``schedule``; with a Swin Transformer BASE_LR, WARMUP_FACTOR and WARMUP_ITERS are those of its
    maskformer_swin_tiny_bs16_160k.yaml, the warm-up in proportion to a training's length."""
    warmup = 1500 * schedule["train_cfg"]["max_iters"] // 160000
    return dict(
        **schedule,
        table_xii=dict(maskformer=schedule, mask2former=mask2former),
        swin=dict(
            lr=6e-5,
            param_scheduler=[
                dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=warmup + 1),
                *schedule["param_scheduler"],
            ],
        ),
    )


_whole = schedule(160000, evaluations=10)
train_cfg = _whole["train_cfg"]
param_scheduler = _whole["param_scheduler"]
maskformer_schedule = maskformers(_whole, _whole)
maskformer_panoptic_schedule = maskformers(
    schedule(720000, evaluations=10), _whole
)  # maskformer_panoptic_R50_bs16_720k.yaml
# As many epochs of 22,210 training and validation images as the whole one is of 20,210 training images.
train_and_validation_schedule = maskformers(schedule(175830, evaluations=10), _whole)
followers_schedule = _whole  # later papers train on ADE20K for as long
_lite = schedule(6000, evaluations=3)
lite = dict(maskformer_schedule=maskformers(_lite, _lite), followers_schedule=_lite, **_lite)
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="m2f.ParameterGroups",
    paramwise_cfg=dict(backbone_lr_mult=0.1),
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
)
