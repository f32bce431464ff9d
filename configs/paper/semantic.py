_base_ = [
    "../_base_/models/mask2former_r50.py",
    "../_base_/datasets/ade20k_semantic.py",
    "../_base_/schedules/ade20k_160k.py",
    "../_base_/runtime.py",
]
task = "semantic"
scale = "paper"
dataset_name = "ade20k"
split = "val"
# Every published run has mixed precision. OptimWrapper is float32.
optim_wrapper = dict(type="AmpOptimWrapper")
model = dict(task=task, num_things={{_base_.num_things}}, num_stuff={{_base_.num_stuff}})
settings = dict(
    followers_schedule={{_base_.followers_schedule}},
    pipelines={{_base_.pipelines}},
    backbones={{_base_.backbones}},
    queries_of_swin_l=100,
    train_and_validation_schedule={{_base_.train_and_validation_schedule}},
    maskformer=dict(pixel_decoder="MaskFormerFPN", pad_size_divisor=32, schedule={{_base_.maskformer_schedule}}),
)
