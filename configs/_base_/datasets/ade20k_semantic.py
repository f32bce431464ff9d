# ADE20K semantic segmentation, crop 512 (paper section 4.2).
data_root = "data/ade/ADEChallengeData2016/"
num_things = 0  # every class is a region: instances are not told apart
num_stuff = 150


def training_images(side, longest):
    return [
        dict(type="m2f.LoadImageFromFile"),
        dict(type="m2f.LoadSemanticMap"),
        dict(
            type="RandomChoiceResize",
            scales=[int(side * 0.1 * step) for step in range(5, 21)],
            resize_type="m2f.ResizeShortestEdge",
            max_size=longest,
        ),
        dict(type="mmseg.RandomCrop", crop_size=(side, side), cat_max_ratio=1.0),
        dict(type="mmseg.PhotoMetricDistortion"),
        dict(type="mmdet.RandomFlip", prob=0.5),
        dict(type="mmdet.Pad", size=(side, side), pad_val=dict(img=(128, 128, 128), seg=255)),
        dict(type="m2f.SplitClasses"),
        dict(type="m2f.PackSample"),
    ]


def validation_images(side, longest):
    return [
        dict(type="m2f.LoadImageFromFile"),
        dict(type="m2f.ResizeShortestEdge", scale=side, max_size=longest),
        dict(type="m2f.LoadSemanticMap"),  # after the resize: the truth keeps the image's own size
        dict(type="m2f.PackSample"),
    ]


train_pipeline = training_images(512, 2048)
val_pipeline = validation_images(512, 2048)

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
            type="mmseg.ADE20KDataset",
            data_root=data_root,
            data_prefix=dict(img_path="images/training/", seg_map_path="annotations/training/"),
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
        type="mmseg.ADE20KDataset",
        data_root=data_root,
        data_prefix=dict(img_path="images/validation/", seg_map_path="annotations/validation/"),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
val_evaluator = [dict(type="m2f.MeanIoU")]
# Of a collate_fn mmdet wants the name.
test_dataloader = {key: value for key, value in val_dataloader.items() if key != "collate_fn"}
test_evaluator = val_evaluator

# MaskFormer's augmentation on ADE20K is the same. Large backbones have crops of 640 (Table V).
pipelines = dict(
    standard_with_crop=train_pipeline,
    crop_512=train_pipeline,
    crop_512_validation=val_pipeline,
    crop_640=training_images(640, 2560),
    crop_640_validation=validation_images(640, 2560),
)
