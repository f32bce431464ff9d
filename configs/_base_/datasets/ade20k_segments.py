# ADE20K panoptic and instance segmentation, crop 640 with every backbone (the paper's appendix); the files are those of
# `m2f data prepare ade20k`. mmdet's sizes are (width, height), mmseg's (height, width).
data_root = "data/ade/ADEChallengeData2016/"
# Things and stuff are mixed: a class has the place that official weights give it.
thing_labels = [
    *(7, 8, 10, 12, 14, 15, 18, 19, 20, 22, 23, 24, 27, 30, 31, 32, 33, 35, 36, 37, 38, 39, 41, 42, 43, 44, 45, 47),
    *(49, 50, 53, 55, 56, 57, 58, 62, 64, 65, 66, 67, 69, 70, 71, 72, 73, 74, 75, 76, 78, 80, 81, 82, 83, 85, 86, 87),
    *(88, 89, 90, 92, 93, 95, 97, 98, 102, 103, 104, 107, 108, 110, 111, 112, 115, 116, 118, 119, 120, 121, 123, 124),
    *(125, 126, 127, 129, 130, 132, 133, 134, 135, 136, 137, 138, 139, 142, 143, 144, 146, 147, 148, 149),
]
side, longest = 640, 2560
crop_size = (side, side)


def images(load, void, targets):
    return [
        dict(type="m2f.LoadImageFromFile"),
        load,
        dict(
            type="RandomChoiceResize",
            scales=[(side * step // 10, 4 * side) for step in range(5, 21)],
            resize_type="m2f.Resize",
            keep_ratio=True,
        ),
        dict(type="mmdet.RandomCrop", crop_size=crop_size, allow_negative_crop=True),
        dict(type="mmseg.PhotoMetricDistortion"),
        dict(type="mmdet.RandomFlip", prob=0.5),
        dict(type="mmdet.Pad", size=crop_size, pad_val=dict(img=(128, 128, 128), **void)),
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


val_pipeline = [
    dict(type="m2f.LoadImageFromFile"),
    dict(type="m2f.ResizeShortestEdge", scale=side, max_size=longest),
    dict(type="m2f.PackSample"),
]


def panoptic_segments(name, split, **more):
    return dict(
        type="m2f.CocoPanopticSegments",
        data_root=data_root,
        ann_file=f"ade20k_panoptic_{name}.json",
        data_prefix=dict(img=f"images/{split}/", seg=f"ade20k_panoptic_{name}/"),
        **more,
    )


def things(name, split, **more):
    return dict(
        type="m2f.CocoInstanceSegments",
        data_root=data_root,
        ann_file=f"ade20k_instance_{name}.json",
        data_prefix=dict(img=f"images/{split}/"),
        **more,
    )


_segments = images(dict(type="m2f.LoadSegmentMap"), dict(seg=0), dict(type="m2f.SplitSegments"))
_objects = images(
    dict(type="mmdet.LoadAnnotations", with_bbox=True, with_mask=True), dict(masks=0), dict(type="m2f.CollectInstances")
)
_truth = dict(
    panoptic_json=data_root + "ade20k_panoptic_val.json", panoptic_directory=data_root + "ade20k_panoptic_val/"
)
_instances = data_root + "ade20k_instance_val.json"
panoptic = dict(
    model=dict(task="panoptic", num_things=100, num_stuff=50, thing_labels=thing_labels),
    **loaders(
        panoptic_segments("train", "training", pipeline=_segments),
        panoptic_segments("val", "validation", test_mode=True, pipeline=val_pipeline),
    ),
    val_evaluator=[
        dict(type="m2f.PanopticQuality", **_truth),
        # The instance file calls some classes otherwise than the panoptic file does.
        dict(type="m2f.InstanceAP", instances_json=_instances, boundary=False, names=dict(AP="AP_pan_th"), by_id=True),
        dict(type="m2f.MapMeanIoU", map_directory=data_root + "annotations/validation/", reduce_zero_label=True),
    ],
)
instance = dict(
    model=dict(task="instance", num_things=100, num_stuff=0),
    **loaders(
        things("train", "training", filter_cfg=dict(filter_empty_gt=True), pipeline=_objects),
        things("val", "validation", test_mode=True, pipeline=val_pipeline),
    ),
    val_evaluator=[dict(type="m2f.InstanceAP", instances_json=_instances)],
)
