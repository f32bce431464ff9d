# COCO panoptic segmentation with large-scale jittering (paper section 4.2).
data_root = "data/coco/"
num_things = 80
num_stuff = 53

crop_size = (1024, 1024)
train_pipeline = [
    dict(type="m2f.LoadImage"),
    dict(type="m2f.LoadSegmentMap"),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="RandomResize", scale=crop_size, ratio_range=(0.1, 2.0), resize_type="m2f.Resize", keep_ratio=True),
    dict(type="mmdet.RandomCrop", crop_size=crop_size, allow_negative_crop=True),
    dict(type="mmdet.Pad", size=crop_size, pad_val=dict(img=(128, 128, 128), seg=0)),
    dict(type="m2f.SplitSegments"),
    dict(type="m2f.PackSample"),
]
val_pipeline = [
    dict(type="m2f.LoadImage"),
    dict(type="m2f.Resize", scale=(1333, 800), keep_ratio=True),
    dict(type="m2f.PackSample"),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="m2f.DrawSampler"),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(
        type="m2f.EndlessDraws",
        seed=0,
        dataset=dict(
            type="m2f.CocoPanopticSegments",
            data_root=data_root,
            ann_file="annotations/panoptic_train2017.json",
            data_prefix=dict(img="train2017/", seg="annotations/panoptic_train2017/"),
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(
        type="m2f.CocoPanopticSegments",
        data_root=data_root,
        ann_file="annotations/panoptic_val2017.json",
        data_prefix=dict(img="val2017/", seg="annotations/panoptic_val2017/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
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

# Other ways to load: the paper's standard scale augmentation, without and with MaskFormer's crops (detectron2's and
# DETR's); and validation images with their segments.
_load, _pack = train_pipeline[:2], train_pipeline[-2:]


def resize_shorter_side(*sides, longer_side=1333):
    scales = [(side, longer_side) for side in sides]
    return dict(type="RandomChoiceResize", scales=scales, resize_type="m2f.Resize", keep_ratio=True)


def with_crop(resize):
    crop = [
        resize_shorter_side(400, 500, 600, longer_side=4200),
        dict(type="mmdet.RandomCrop", crop_type="absolute_range", crop_size=(384, 600), allow_negative_crop=True),
        resize,
    ]
    flip = dict(type="mmdet.RandomFlip", prob=0.5)
    return [*_load, flip, dict(type="RandomChoice", transforms=[[resize], crop]), *_pack]


_sides = range(480, 801, 32)
_resize = resize_shorter_side(*_sides)
pipelines = dict(
    standard=[*_load, dict(type="mmdet.RandomFlip", prob=0.5), _resize, *_pack],
    standard_with_crop=with_crop(_resize),
    standard_with_crop_longest_1000=with_crop(resize_shorter_side(*_sides, longer_side=1000)),
    val_with_truth=[*_load, val_pipeline[1], *_pack],
)
# Every decoder layer's prediction, for Figures II and 3.
evaluators = dict(
    layers=[
        dict(type="m2f.LayerPanopticQuality", **_truth),
        dict(type="m2f.ProposalRecall", instances_json=data_root + "annotations/instances_val2017.json"),
    ]
)
