# Table 4(c) in three seeds in a night of one GPU: the paper's models, weights and losses, on a tenth of COCO's training
# images and 1,000 of its validation images, all sizes halved (large-scale jittering to 512), 6,000 iterations of 16.
# docs/reproducing-tables.md says what its hours are counted from.
#
# What it can tell: whether a design trains on real images from ImageNet weights on this machine, and which of two
# designs is better, where they differ by more than seeds do, which three seeds show. What it cannot: the paper's
# numbers, which come of 60 times as many images; small objects, of whose pixels a quarter is left; and differences
# that a longer training closes or opens.
_base_ = ["../paper/panoptic.py"]
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
