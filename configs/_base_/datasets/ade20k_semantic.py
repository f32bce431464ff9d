# ADE20K semantic segmentation, crop 512 (paper section 4.2).
data_root = "data/ade/ADEChallengeData2016/"
num_things = 0  # every class is a region: instances are not told apart
num_stuff = 150

crop_size = (512, 512)
train_pipeline = [
    dict(type="m2f.LoadImage"),
    dict(type="m2f.LoadSemanticMap"),
    dict(
        type="RandomChoiceResize",
        scales=[int(512 * 0.1 * step) for step in range(5, 21)],
        resize_type="mmdet.ResizeShortestEdge",
        max_size=2048,
    ),
    dict(type="mmseg.RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    dict(type="mmseg.PhotoMetricDistortion"),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmdet.Pad", size=crop_size, pad_val=dict(img=(128, 128, 128), seg=255)),
    dict(type="m2f.SplitClasses"),
    dict(type="m2f.PackSample"),
]
val_pipeline = [
    dict(type="m2f.LoadImage"),
    dict(type="mmdet.ResizeShortestEdge", scale=512, max_size=2048),
    dict(type="m2f.LoadSemanticMap"),  # after the resize: the truth keeps the image's own size
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

# MaskFormer's augmentation on ADE20K is the same.
pipelines = dict(standard_with_crop=train_pipeline)
