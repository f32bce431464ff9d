_base_ = [
    "../_base_/models/mask2former_mini.py",
    "../_base_/datasets/scenes_panoptic.py",
    "../_base_/schedules/smoke.py",
    "../_base_/runtime.py",
]
task = "panoptic"
scale = "smoke"
dataset_name = "scenes"
split = "val2017"
model = dict(task=task, num_things={{_base_.num_things}}, num_stuff={{_base_.num_stuff}})
data_root = "data/scenes/smoke/"
scenes = dict(root="data/scenes/smoke", splits=dict(train2017=32, val2017=8))
train_dataloader = dict(batch_size=4, dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(batch_size=4, dataset=dict(data_root=data_root))
_truth = dict(
    panoptic_json=data_root + "annotations/panoptic_val2017.json",
    panoptic_directory=data_root + "annotations/panoptic_val2017/",
)
val_evaluator = [
    dict(type="m2f.PanopticQuality", **_truth),
    dict(
        type="m2f.InstanceAP",
        instances_json=data_root + "annotations/instances_val2017.json",
        boundary=False,
        names=dict(AP="AP_pan_th"),
    ),
    dict(type="m2f.PanopticMeanIoU", **_truth),
]
test_dataloader = val_dataloader
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=1))
_evaluators = dict(
    layers=[
        dict(type="m2f.LayerPanopticQuality", **_truth),
        dict(type="m2f.ProposalRecall", instances_json=data_root + "annotations/instances_val2017.json"),
    ]
)
settings = dict(
    followers_schedule={{_base_.followers_schedule}},
    schedules={{_base_.schedules}},
    pipelines={{_base_.pipelines}},
    backbones={{_base_.backbones}},
    maskformer=dict(pixel_decoder="MaskFormerEncoderFPN", pad_size_divisor=32, schedule={{_base_.maskformer_schedule}}),
    evaluators=_evaluators,
)
