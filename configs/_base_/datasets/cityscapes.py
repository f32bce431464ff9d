# Cityscapes, crops of 512 x 1024 (the paper's appendix); the files are those of `m2f data prepare cityscapes`. Where a
# size is (height, width) and where (width, height): mmseg's crop is the first, mmdet's crop and pad are the second.
data_root = "data/cityscapes/"
height, width = 512, 1024
shortest, longest = 1024, 4096


def images(load, crop, void, targets):
    return [
        dict(type="m2f.LoadImageFromFile"),
        load,
        dict(
            type="RandomChoiceResize",
            scales=[shortest * step // 10 for step in range(5, 21)],
            resize_type="m2f.ResizeShortestEdge",
            max_size=longest,
        ),
        crop,
        dict(type="mmseg.PhotoMetricDistortion"),
        dict(type="mmdet.RandomFlip", prob=0.5),
        dict(type="mmdet.Pad", size=(width, height), pad_val=dict(img=(128, 128, 128), seg=void)),
        targets,
        dict(type="m2f.PackSample"),
    ]


def loaders(train, val):
    """What reads both splits."""
    shared = dict(persistent_workers=True, collate_fn=dict(type="pseudo_collate"))
    evaluated = dict(batch_size=1, num_workers=2, sampler=dict(type="DefaultSampler", shuffle=False), dataset=val)
    return dict(
        train_dataloader=dict(
            **shared,
            batch_size=16,
            num_workers=4,
            sampler=dict(type="m2f.DrawSampler"),
            dataset=dict(type="m2f.EndlessDraws", seed=0, dataset=train),
        ),
        val_dataloader=dict(**shared, **evaluated),
        test_dataloader=dict(persistent_workers=True, **evaluated),  # of a collate_fn mmdet wants the name
    )


def labels(split, **more):
    prefix = dict(img_path=f"leftImg8bit/{split}/", seg_map_path=f"gtFine/{split}/")
    return dict(type="mmseg.CityscapesDataset", data_root=data_root, data_prefix=prefix, **more)


def segments(split, **more):
    return dict(
        type="m2f.CityscapesSegments",
        data_root=data_root,
        ann_file=f"gtFine/cityscapes_panoptic_{split}.json",
        data_prefix=dict(img=f"leftImg8bit/{split}/", seg=f"gtFine/cityscapes_panoptic_{split}/"),
        **more,
    )


_resized = [
    dict(type="m2f.LoadImageFromFile"),
    dict(type="m2f.ResizeShortestEdge", scale=shortest, max_size=2048),
]
_semantic_pipeline = images(
    dict(type="m2f.LoadSemanticMap"),
    dict(type="mmseg.RandomCrop", crop_size=(height, width), cat_max_ratio=1.0),
    255,
    dict(type="m2f.SplitClasses"),
)
_segments_pipeline = images(
    dict(type="m2f.LoadSegmentMap"),
    dict(type="mmdet.RandomCrop", crop_size=(width, height), allow_negative_crop=True),
    0,
    dict(type="m2f.SplitSegments"),
)
_without_truth = [*_resized, dict(type="m2f.PackSample")]
_truth = dict(
    panoptic_json=data_root + "gtFine/cityscapes_panoptic_val.json",
    panoptic_directory=data_root + "gtFine/cityscapes_panoptic_val/",
)
_objects = dict(instance_directory=data_root + "gtFine/val/")
semantic = dict(
    model=dict(task="semantic", num_things=0, num_stuff=19),
    **loaders(
        labels("train", pipeline=_semantic_pipeline),
        # The truth keeps the image's own size.
        labels(
            "val",
            test_mode=True,
            pipeline=[*_resized, dict(type="m2f.LoadSemanticMap"), dict(type="m2f.PackSample")],
        ),
    ),
    val_evaluator=[dict(type="m2f.MeanIoU")],
)
panoptic = dict(
    model=dict(task="panoptic", num_things=8, num_stuff=11, thing_labels=[11, 12, 13, 14, 15, 16, 17, 18]),
    **loaders(
        segments("train", pipeline=_segments_pipeline),
        segments("val", test_mode=True, pipeline=_without_truth),
    ),
    val_evaluator=[
        dict(type="m2f.PanopticQuality", **_truth),
        dict(type="m2f.CityscapesAP", **_objects, names=dict(AP="AP_pan_th")),
        dict(type="m2f.MapMeanIoU", map_directory=data_root + "gtFine/val/", suffix="_gtFine_labelTrainIds.png"),
    ],
)
instance = dict(
    model=dict(task="instance", num_things=8, num_stuff=0),
    **loaders(
        segments("train", things_only=True, pipeline=_segments_pipeline),
        segments("val", things_only=True, test_mode=True, pipeline=_without_truth),
    ),
    val_evaluator=[dict(type="m2f.CityscapesAP", **_objects)],
)
