# As panoptic.py beside it, which says what this scale is for.
_base_ = ["../paper/instance.py"]
scale = "lite"
dataset_name = "coco_tenth"
train_dataloader = dict(dataset=dict(dataset=dict(num_images=11829, pipeline={{_base_.half_size.train}})))
val_dataloader = dict(dataset=dict(num_images=1000, pipeline={{_base_.half_size.val}}))
test_dataloader = val_dataloader
train_cfg = {{_base_.lite.train_cfg}}
param_scheduler = {{_base_.lite.param_scheduler}}
settings = dict(
    followers_schedule={{_base_.lite.followers_schedule}},
    schedules={{_base_.lite.schedules}},
    pipelines={{_base_.half_size}},
    maskformer=dict(schedule={{_base_.lite.maskformer_schedule}}),
)
