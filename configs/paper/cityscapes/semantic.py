_base_ = [
    "../../_base_/models/mask2former_r50_syncbn.py",
    "../../_base_/datasets/cityscapes.py",
    "../../_base_/schedules/cityscapes_90k.py",
    "../../_base_/runtime.py",
]
task = "semantic"
scale = "paper"
dataset_name = "cityscapes"
split = "val"
# Every published run has mixed precision. OptimWrapper is float32.
optim_wrapper = dict(type="AmpOptimWrapper")
model = {{_base_.semantic.model}}
train_dataloader = {{_base_.semantic.train_dataloader}}
val_dataloader = {{_base_.semantic.val_dataloader}}
val_evaluator = {{_base_.semantic.val_evaluator}}
test_dataloader = {{_base_.semantic.test_dataloader}}
test_evaluator = val_evaluator
settings = dict(
    pipelines=dict(standard_with_crop={{_base_.semantic.train_dataloader.dataset.dataset.pipeline}}),
    backbones={{_base_.backbones}},
    queries_of_swin_l=100,
    maskformer=dict(pixel_decoder="MaskFormerFPN", pad_size_divisor=32, schedule={{_base_.maskformer_schedule}}),
)
