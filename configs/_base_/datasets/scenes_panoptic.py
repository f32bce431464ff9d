# Generated scenes, panoptic segmentation. A scale sets image_size, splits and resize_range in its own file.
data_root = "data/scenes/mini/"
image_size = 128
resize_range = (0.7, 1.4)  # of the image size; the crop is one image size
num_things = 6
num_stuff = 4
scenes = dict(root="data/scenes/mini", image_size=image_size, splits=dict(train2017=2000, val2017=200), seed=0)

train_pipeline = [
    dict(type="m2f.LoadImageFromFile"),
    dict(type="m2f.LoadSegmentMap"),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(
        type="RandomResize",
        scale=(image_size, image_size),
        ratio_range=resize_range,
        resize_type="mmdet.Resize",
        keep_ratio=True,
    ),
    dict(type="mmdet.RandomCrop", crop_size=(image_size, image_size), allow_negative_crop=True),
    dict(type="mmdet.Pad", size=(image_size, image_size), pad_val=dict(img=(128, 128, 128), seg=0)),
    dict(type="m2f.SplitSegments"),
    dict(type="m2f.PackSample"),
]
val_pipeline = [dict(type="m2f.LoadImageFromFile"), dict(type="m2f.PackSample")]

train_dataloader = dict(
    batch_size=16,
    num_workers=0,
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
    batch_size=16,
    num_workers=0,
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
# Of a collate_fn mmdet wants the name.
test_dataloader = {key: value for key, value in val_dataloader.items() if key != "collate_fn"}
test_evaluator = val_evaluator

# Other ways to load: the paper's standard scale augmentation, which resizes the shorter side to 480-800 pixels where
# 800 are tested (here in proportion), without and with MaskFormer's crops; and validation images with their segments.
_load, _pack = train_pipeline[:2], train_pipeline[-2:]


def resize_shorter_side(*sides):
    scales = [(side * image_size // 800, side * image_size // 800) for side in sides]
    return dict(type="RandomChoiceResize", scales=scales, resize_type="mmdet.Resize", keep_ratio=True)


_resize = resize_shorter_side(*range(480, 801, 32))
_crop = [
    resize_shorter_side(400, 500, 600),
    dict(
        type="mmdet.RandomCrop",
        crop_type="absolute_range",
        crop_size=(384 * image_size // 800, 600 * image_size // 800),
        allow_negative_crop=True,
    ),
    _resize,
]
_with_crop = [
    *_load,
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="RandomChoice", transforms=[[_resize], _crop]),
    *_pack,
]
pipelines = dict(
    standard=[*_load, dict(type="mmdet.RandomFlip", prob=0.5), _resize, *_pack],
    standard_with_crop=_with_crop,
    standard_with_crop_longest_1000=_with_crop,  # scenes are square
    val_with_truth=[*_load, *_pack],
)
# Every decoder layer's prediction, for Figures II and 3.
evaluators = dict(
    layers=[
        dict(type="m2f.LayerPanopticQuality", **_truth),
        dict(type="m2f.ProposalRecall", instances_json=data_root + "annotations/instances_val2017.json"),
    ]
)
