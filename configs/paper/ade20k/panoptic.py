_base_ = [
    "../../_base_/models/mask2former_r50.py",
    "../../_base_/datasets/ade20k_segments.py",
    "../../_base_/schedules/ade20k_160k.py",
    "../../_base_/runtime.py",
]
task = "panoptic"
scale = "paper"
dataset_name = "ade20k"
split = "val"
# Every published run has mixed precision. OptimWrapper is float32.
optim_wrapper = dict(type="AmpOptimWrapper")
model = {{_base_.panoptic.model}}
train_dataloader = {{_base_.panoptic.train_dataloader}}
val_dataloader = {{_base_.panoptic.val_dataloader}}
val_evaluator = {{_base_.panoptic.val_evaluator}}
test_dataloader = {{_base_.panoptic.test_dataloader}}
test_evaluator = val_evaluator
settings = dict(
    # Crops are of 640 pixels with every backbone.
    pipelines=dict(
        standard_with_crop={{_base_.panoptic.train_dataloader.dataset.dataset.pipeline}},
        crop_640={{_base_.panoptic.train_dataloader.dataset.dataset.pipeline}},
        crop_640_validation={{_base_.panoptic.val_dataloader.dataset.pipeline}},
    ),
    backbones={{_base_.backbones}},
    queries_of_swin_l=200,
    maskformer=dict(
        pixel_decoder="MaskFormerEncoderFPN", pad_size_divisor=32, schedule={{_base_.maskformer_panoptic_schedule}}
    ),
)
