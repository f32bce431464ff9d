# COCO instance segmentation with large-scale jittering (paper section 4.2).
data_root = "data/coco/"
num_things = 80
num_stuff = 0

crop_size = (1024, 1024)
train_pipeline = [
    dict(type="m2f.LoadImage"),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, with_mask=True),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="RandomResize", scale=crop_size, ratio_range=(0.1, 2.0), resize_type="m2f.Resize", keep_ratio=True),
    dict(type="mmdet.RandomCrop", crop_size=crop_size, allow_negative_crop=True),
    dict(type="mmdet.Pad", size=crop_size, pad_val=dict(img=(128, 128, 128), masks=0)),
    dict(type="m2f.CollectInstances"),
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
            type="m2f.CocoInstanceSegments",
            data_root=data_root,
            ann_file="annotations/instances_train2017.json",
            data_prefix=dict(img="train2017/"),
            filter_cfg=dict(filter_empty_gt=True),
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
        type="m2f.CocoInstanceSegments",
        data_root=data_root,
        ann_file="annotations/instances_val2017.json",
        data_prefix=dict(img="val2017/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = [dict(type="m2f.InstanceAP", instances_json=data_root + "annotations/instances_val2017.json")]

# Other ways to load: the paper's standard scale augmentation, without and with MaskFormer's crops (detectron2's and
# DETR's).
_load, _pack = train_pipeline[:2], train_pipeline[-2:]


def resize_shorter_side(*sides, longer_side=1333):
    scales = [(side, longer_side) for side in sides]
    return dict(type="RandomChoiceResize", scales=scales, resize_type="m2f.Resize", keep_ratio=True)


_resize = resize_shorter_side(*range(480, 801, 32))
_crop = [
    resize_shorter_side(400, 500, 600, longer_side=4200),
    dict(type="mmdet.RandomCrop", crop_type="absolute_range", crop_size=(384, 600), allow_negative_crop=True),
    _resize,
]
pipelines = dict(
    standard=[*_load, dict(type="mmdet.RandomFlip", prob=0.5), _resize, *_pack],
    standard_with_crop=[
        *_load,
        dict(type="mmdet.RandomFlip", prob=0.5),
        dict(type="RandomChoice", transforms=[[_resize], _crop]),
        *_pack,
    ],
)
