# A shorter training than the paper's on the same data, see panoptic.py beside it. ADE20K is whole: its 20,210 images of
# 512 pixels, 0.9 GB, are no more than twice a tenth of COCO's, and a tenth of them would leave most of its 150 classes
# a handful of images. COCO's panoptic maps as semantic ones would be another table than the paper's.
_base_ = ["../paper/semantic.py"]
scale = "lite"
train_cfg = {{_base_.lite.train_cfg}}
param_scheduler = {{_base_.lite.param_scheduler}}
settings = dict(
    followers_schedule={{_base_.lite.followers_schedule}},
    maskformer=dict(schedule={{_base_.lite.maskformer_schedule}}),
)
