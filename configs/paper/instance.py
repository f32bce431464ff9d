_base_ = [
    "../_base_/models/mask2former_r50.py",
    "../_base_/datasets/coco_instance.py",
    "../_base_/schedules/coco_50e.py",
    "../_base_/runtime.py",
]
task = "instance"
scale = "paper"
dataset_name = "coco"
split = "val2017"
# Every published run has mixed precision. OptimWrapper is float32.
optim_wrapper = dict(type="AmpOptimWrapper")
model = dict(task=task, num_things={{_base_.num_things}}, num_stuff={{_base_.num_stuff}})
settings = dict(
    followers_schedule={{_base_.followers_schedule}},
    schedules={{_base_.schedules}},
    pipelines={{_base_.pipelines}},
    backbones={{_base_.backbones}},
    maskformer=dict(pixel_decoder="MaskFormerEncoderFPN", pad_size_divisor=1, schedule={{_base_.maskformer_schedule}}),
)
