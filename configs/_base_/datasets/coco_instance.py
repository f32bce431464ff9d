# COCO instance segmentation with large-scale jittering (paper section 4.2).
data_root = "data/coco/"
num_things = 80
num_stuff = 0

crop_size = (1024, 1024)
train_pipeline = [
    dict(type="m2f.LoadImage"),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, with_mask=True),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="RandomResize", scale=crop_size, ratio_range=(0.1, 2.0), resize_type="mmdet.Resize", keep_ratio=True),
    dict(type="mmdet.RandomCrop", crop_size=crop_size, allow_negative_crop=True),
    dict(type="mmdet.Pad", size=crop_size, pad_val=dict(img=(128, 128, 128), masks=0)),
    dict(type="m2f.CollectInstances"),
    dict(type="m2f.PackSample"),
]
val_pipeline = [
    dict(type="m2f.LoadImage"),
    dict(type="mmdet.Resize", scale=(1333, 800), keep_ratio=True),
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
