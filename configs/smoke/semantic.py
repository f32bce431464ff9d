_base_ = [
    "../_base_/models/mask2former_mini.py",
    "../_base_/datasets/scenes_semantic.py",
    "../_base_/schedules/smoke.py",
    "../_base_/runtime.py",
]
task = "semantic"
scale = "smoke"
dataset_name = "scenes"
split = "val2017"
model = dict(task=task, num_things={{_base_.num_things}}, num_stuff={{_base_.num_stuff}})
data_root = "data/scenes/smoke/"
scenes = dict(root="data/scenes/smoke", splits=dict(train2017=32, val2017=8))
train_dataloader = dict(batch_size=4, dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(batch_size=4, dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=1))
settings = dict(
    followers_schedule={{_base_.followers_schedule}},
    schedules={{_base_.schedules}},
    pipelines={{_base_.pipelines}},
    backbones={{_base_.backbones}},
    maskformer=dict(pixel_decoder="MaskFormerFPN", pad_size_divisor=32, schedule={{_base_.maskformer_schedule}}),
)
