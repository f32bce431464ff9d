# COCO instance segmentation with large-scale jittering (paper section 4.2).
data_root = "data/coco/"
num_things = 80
num_stuff = 0


def ways_to_load(side):
    """Large-scale jittering, the paper's standard scale augmentation without and with MaskFormer's crops (detectron2's
    and DETR's), and validation images: for crops of 1024 as the paper has them, for others with all sizes in
    proportion."""

    def pixels(*sizes):
        return tuple(size * side // 1024 for size in sizes)

    def shorter_sides(*sizes, longest):
        scales = [pixels(size, longest) for size in sizes]
        return dict(type="RandomChoiceResize", scales=scales, resize_type="m2f.Resize", keep_ratio=True)

    crop_size = (side, side)
    load = [dict(type="m2f.LoadImageFromFile"), dict(type="mmdet.LoadAnnotations", with_bbox=True, with_mask=True)]
    flip = dict(type="mmdet.RandomFlip", prob=0.5)
    pack = [dict(type="m2f.CollectInstances"), dict(type="m2f.PackSample")]
    jitter = [
        dict(type="RandomResize", scale=crop_size, ratio_range=(0.1, 2.0), resize_type="m2f.Resize", keep_ratio=True),
        dict(type="mmdet.RandomCrop", crop_size=crop_size, allow_negative_crop=True),
        dict(type="mmdet.Pad", size=crop_size, pad_val=dict(img=(128, 128, 128), masks=0)),
    ]
    resize = shorter_sides(*range(480, 801, 32), longest=1333)
    crop = [
        shorter_sides(400, 500, 600, longest=4200),
        dict(
            type="mmdet.RandomCrop",
            crop_type="absolute_range",
            crop_size=pixels(384, 600),
            allow_negative_crop=True,
        ),
        resize,
    ]
    return dict(
        train=[*load, flip, *jitter, *pack],
        standard=[*load, flip, resize, *pack],
        standard_with_crop=[*load, flip, dict(type="RandomChoice", transforms=[[resize], crop]), *pack],
        val=[load[0], dict(type="m2f.Resize", scale=pixels(1333, 800), keep_ratio=True), pack[1]],
    )


pipelines = ways_to_load(1024)
half_size = ways_to_load(512)

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
            pipeline=pipelines["train"],
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
        pipeline=pipelines["val"],
    ),
)
val_evaluator = [dict(type="m2f.InstanceAP", instances_json=data_root + "annotations/instances_val2017.json")]
# Of a collate_fn mmdet wants the name.
test_dataloader = {key: value for key, value in val_dataloader.items() if key != "collate_fn"}
test_evaluator = val_evaluator
