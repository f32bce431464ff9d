_base_ = [
    "../_base_/models/mask2former_mini.py",
    "../_base_/datasets/scenes_instance.py",
    "../_base_/schedules/mini.py",
    "../_base_/runtime.py",
]
task = "instance"
scale = "mini"
dataset_name = "scenes"
split = "val2017"
model = dict(task=task, num_things={{_base_.num_things}}, num_stuff={{_base_.num_stuff}})
default_hooks = dict(checkpoint=dict(interval=50))
settings = dict(
    followers_schedule={{_base_.followers_schedule}},
    schedules={{_base_.schedules}},
    pipelines={{_base_.pipelines}},
    backbones={{_base_.backbones}},
    maskformer=dict(pixel_decoder="MaskFormerEncoderFPN", pad_size_divisor=32, schedule={{_base_.maskformer_schedule}}),
)
