# Mapillary Vistas v1.2, crops of 1024 (the paper's appendix); `m2f data prepare mapillary` finds v1.2 in release 2.0.
data_root = "data/mapillary_vistas/"
side = 1024
tested = 2048  # of the longer side, up or down


def images(load, crop, void, targets):
    return [
        dict(type="m2f.LoadImageFromFile"),
        load,
        dict(
            type="RandomChoiceResize",
            scales=[2 * side * step // 10 for step in range(5, 21)],
            resize_type="m2f.ResizeShortestEdge",
            max_size=8 * side,
        ),
        crop,
        dict(type="mmseg.PhotoMetricDistortion"),
        dict(type="mmdet.RandomFlip", prob=0.5),
        dict(type="mmdet.Pad", size=(side, side), pad_val=dict(img=(128, 128, 128), seg=void)),
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
    prefix = dict(img_path=f"{split}/images/", seg_map_path=f"{split}/labels/")
    return dict(type="m2f.MapillarySemantic", data_root=data_root, data_prefix=prefix, **more)


def segments(split, **more):
    return dict(
        type="m2f.CocoPanopticSegments",
        data_root=data_root,
        ann_file=f"{split}/panoptic/panoptic_2018.json",
        data_prefix=dict(img=f"{split}/images/", seg=f"{split}/panoptic/"),
        **more,
    )


_resized = [dict(type="m2f.LoadImageFromFile"), dict(type="m2f.ResizeShortestEdge", scale=tested, max_size=tested)]
_truth = dict(
    panoptic_json=data_root + "validation/panoptic/panoptic_2018.json",
    panoptic_directory=data_root + "validation/panoptic/",
)
semantic = dict(
    model=dict(task="semantic", num_things=0, num_stuff=65),
    **loaders(
        labels(
            "training",
            pipeline=images(
                dict(type="m2f.LoadSemanticMap"),
                dict(type="mmseg.RandomCrop", crop_size=(side, side), cat_max_ratio=1.0),
                255,
                dict(type="m2f.SplitClasses"),
            ),
        ),
        # The truth keeps the image's own size.
        labels(
            "validation",
            test_mode=True,
            pipeline=[*_resized, dict(type="m2f.LoadSemanticMap"), dict(type="m2f.PackSample")],
        ),
    ),
    val_evaluator=[dict(type="m2f.MeanIoU")],
)
panoptic = dict(
    model=dict(
        task="panoptic",
        num_things=37,
        num_stuff=28,
        thing_labels=[0, 1, 8, *range(19, 24), *range(32, 43), *range(44, 58), *range(59, 63)],
        panoptic=dict(score=0.0, overlap=0.8),  # maskformer2_R50_bs16_300k.yaml
    ),
    **loaders(
        segments(
            "training",
            pipeline=images(
                dict(type="m2f.LoadSegmentMap"),
                dict(type="mmdet.RandomCrop", crop_size=(side, side), allow_negative_crop=True),
                0,
                dict(type="m2f.SplitSegments"),
            ),
        ),
        segments("validation", test_mode=True, pipeline=[*_resized, dict(type="m2f.PackSample")]),
    ),
    val_evaluator=[
        dict(type="m2f.PanopticQuality", **_truth),
        dict(type="m2f.MapMeanIoU", map_directory=data_root + "validation/labels/", void=65),
    ],
)
