"""The config file of a data set of one's own: short, on top of m2f's own bases, and meant to be changed."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablations.own_data.contents import Contents, Split
from ablations.own_data.proposal import Proposal
from m2f.data.class_file import CLASS_FILE, read_class_file
from m2f.errors import InputError
from m2f.files import write_atomically

PIXELS_A_POINT = 64  # of the loss, on a CPU: as many as the small model has for its own images of 128 pixels
EVALUATIONS = 3  # on a GPU; on a CPU, where one may take as long as the training, the last alone
WARMUP = 50  # iterations

CONFIG = """# Written by `m2f data init {root}` for {device}; change whatever you like.
_base_ = [
    "m2f::_base_/models/{model}.py",
    "m2f::_base_/datasets/{dataset}.py",
    "m2f::_base_/schedules/{schedule}.py",
    "m2f::_base_/runtime.py",
]
task = "{task}"
dataset_name = {name}
split = {split}
model = dict(task=task, num_things={things}, num_stuff={stuff}{more_model})

# Training images are made half to twice as large as this square, then cut to it; evaluated ones are made to fit in.
size = ({size}, {size})
root = {data_root}
{loading}
# {iterations} iterations of {batch} images see each of the {images} training images {passes:.0f} times.
iterations = {iterations}
train_dataloader = dict(batch_size={batch}, num_workers={workers}, dataset=dict(dataset=train))
val_dataloader = dict(dataset=val)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
train_cfg = dict(max_iters=iterations, val_interval={interval})
param_scheduler = [
    dict(type="LinearLR", start_factor=0.02, by_epoch=False, begin=0, end=min({warmup}, -(-iterations // 10))),
    dict(type="MultiStepLR", by_epoch=False, milestones=[iterations * 9 // 10, iterations * 19 // 20], gamma=0.1),
]
{optimizer}default_hooks = dict(checkpoint=dict(interval={interval}))
settings = dict(schedules={{{{_base_.schedules}}}}, backbones={{{{_base_.backbones}}}})

{counts}
"""
# By task and layout: the steps that load, what a cut leaves outside an image, and the steps after it.
STEPS: dict[str, Mapping[str, Any]] = {
    "panoptic": {
        "load": ['dict(type="m2f.LoadSegmentMap")'],
        "pad": "seg=0",
        "crop": 'dict(type="mmdet.RandomCrop", crop_size=size, allow_negative_crop=True)',
        "targets": ['dict(type="m2f.SplitSegments")'],
        "truth": [],
    },
    "instance": {
        "load": ['dict(type="mmdet.LoadAnnotations", with_bbox=True, with_mask=True)'],
        "pad": "masks=0",
        "crop": 'dict(type="mmdet.RandomCrop", crop_size=size, allow_negative_crop=True)',
        "targets": ['dict(type="m2f.CollectInstances")'],
        "truth": [],
    },
    "semantic": {
        "load": ['dict(type="m2f.LoadSegmentMap")'],
        "pad": "seg=0",
        "crop": 'dict(type="mmdet.RandomCrop", crop_size=size, allow_negative_crop=True)',
        "targets": ['dict(type="m2f.LabelSegments")', 'dict(type="m2f.SplitClasses")'],
        "truth": ['dict(type="m2f.LoadSegmentMap")', 'dict(type="m2f.LabelSegments")'],
    },
    "maps": {
        "load": ['dict(type="m2f.LoadSemanticMap")'],
        "pad": "seg=255",
        "crop": 'dict(type="mmseg.RandomCrop", crop_size=size, cat_max_ratio=1.0)',
        "targets": ['dict(type="m2f.SplitClasses")'],
        "truth": ['dict(type="m2f.LoadSemanticMap")'],  # after the resize: the truth keeps the image's own size
    },
}
BASES = {
    "panoptic": "coco_panoptic",
    "instance": "coco_instance",
    "semantic": "coco_panoptic",
    "maps": "ade20k_semantic",
}


def config_text(contents: Contents, proposal: Proposal, data_root: str, lists: Mapping[str, str]) -> str:
    """A config for a data set.

    Args:
        contents: what it holds.
        proposal: how large a training is to be.
        data_root: its directory as the config is to name it, with a slash at its end.
        lists: of semantic maps without splits, the files that list the images of ``train`` and ``val``.
    """
    layout = "maps" if contents.maps else contents.task
    gpu = bool(proposal.device.memory)
    things = sum(contents.is_thing)
    points = "" if gpu else f", criterion=dict(num_points={proposal.size**2 // PIXELS_A_POINT})"
    return CONFIG.format(
        root=comment(str(contents.root)),
        device=comment(proposal.device.name),
        counts=count_lines(contents),
        model="mask2former_r50" if gpu else "mask2former_mini",
        dataset=BASES[layout],
        schedule="coco_50e" if gpu else "mini",
        task=contents.task,
        name=quoted(contents.root.resolve().name),
        split=quoted(contents.val.name or "val"),
        things=things,
        stuff=len(contents.classes) - things,
        more_model=thing_labels(contents) + points,
        size=proposal.size,
        data_root=quoted(data_root),
        loading=loading(contents, layout, lists),
        iterations=proposal.iterations,
        batch=proposal.batch,
        images=contents.train.images,
        passes=proposal.iterations * proposal.batch / contents.train.images,
        workers=4 if gpu else 2,
        interval=f"-(-iterations // {EVALUATIONS})" if gpu else "iterations",
        warmup=WARMUP,
        optimizer='optim_wrapper = dict(type="AmpOptimWrapper")  # mixed precision\n' if gpu else "",
    )


def thing_labels(contents: Contents) -> str:
    """What says which labels are things, where they are not the first."""
    labels = [label for label, thing in enumerate(contents.is_thing) if thing]
    return "" if labels == list(range(len(labels))) else f", thing_labels={labels}"


def count_lines(contents: Contents) -> str:
    """How much of each class there is, as comments, a line each."""
    what = "maps that show it" if contents.maps else "objects" if contents.task == "instance" else "segments"
    images = f"{contents.train.images} training and {contents.val.images} other images"
    lines = [f"# Labels and classes, with the {what} in {images}:"]
    for label, (name, thing) in enumerate(zip(contents.classes, contents.is_thing, strict=True)):
        kind = f", {'thing' if thing else 'stuff'}" if contents.task == "panoptic" else ""
        own = [split.counts.get(label, 0) for split in (contents.train, contents.val)]
        lines.append(f"# {label:>3} {name.strip()}{kind}: {own[0]} and {own[1]}")
    return "\n".join(map(comment, lines))


def comment(text: str) -> str:
    """A text of others' on one line of a comment, with nothing in it that mmengine fills in when it reads a config."""
    return re.sub(r"\{(?=\{)", "{ ", " ".join(text.splitlines()))


def quoted(text: str) -> str:
    """A text of others' as Python and JSON write it.

    Raises:
        InputError: it holds what mmengine fills in wherever a config has it, in texts too.
    """
    if "{{" in text:
        raise InputError(
            f"A name cannot be written into a config, which would fill in its '{{{{': {text!r}; rename it."
        )
    return json.dumps(text, ensure_ascii=False)


def loading(contents: Contents, layout: str, lists: Mapping[str, str]) -> str:
    """What reads both splits, and what judges."""
    steps = STEPS[layout]
    flip = 'dict(type="mmdet.RandomFlip", prob=0.5)'
    resize = 'dict(type="RandomResize", scale=size, ratio_range=(0.5, 2.0), resize_type="m2f.Resize", keep_ratio=True)'
    pad = f'dict(type="mmdet.Pad", size=size, pad_val=dict(img=(128, 128, 128), {steps["pad"]}))'
    image, pack = 'dict(type="m2f.LoadImageFromFile")', 'dict(type="m2f.PackSample")'
    whole = 'dict(type="m2f.Resize", scale=size, keep_ratio=True)'
    train = [image, *steps["load"], flip, resize, steps["crop"], pad, *steps["targets"], pack]
    val = [image, whole, *steps["truth"], pack]
    places = [(contents.train, "train", train), (contents.val, "val", val)]
    blocks = [block(contents, layout, split, name, lists, pipeline) for split, name, pipeline in places]
    return "\n".join([*blocks, evaluator(contents, layout)])


def block(
    contents: Contents, layout: str, split: Split, name: str, lists: Mapping[str, str], pipeline: list[str]
) -> str:
    """The config of a split's data set."""
    rows = [f"{name} = dict("]
    if layout == "maps":
        own = contents.maps[name == "val"]
        below = [path.relative_to(contents.root).as_posix() + "/" for path in (own.images, own.maps)]
        rows += ["    _delete_=True,", '    type="mmseg.BaseSegDataset",']
        rows.append("    metainfo=dict(")
        rows += [
            "        classes=[",
            *(f"            {quoted(each)}," for each in contents.classes),
            "        ],",
            "    ),",
        ]
        rows.append("    data_root=root,")
        rows.append(f"    data_prefix=dict(img_path={quoted(below[0])}, seg_map_path={quoted(below[1])}),")
        rows.append(f"    img_suffix={quoted(own.suffixes[0])},")
        rows.append(f"    seg_map_suffix={quoted(own.suffixes[1])},")
        if contents.zero_is_void:
            rows.append("    reduce_zero_label=True,  # 0 is no class in the maps")
        if split.listed:
            rows.append(f"    ann_file={quoted(lists[name])},")
        if name == "val":
            rows.append("    test_mode=True,")
    else:
        kind = "instances" if layout == "instance" else "panoptic"
        pngs = "" if layout == "instance" else ", seg=" + quoted(f"annotations/panoptic_{split.name}/")
        rows.append("    data_root=root,")
        rows.append(f"    ann_file={quoted(f'annotations/{kind}_{split.name}.json')},")
        rows.append(f"    data_prefix=dict(img={quoted(f'{split.name}/')}{pngs}),")
    rows += ["    pipeline=[", *(f"        {step}," for step in pipeline), "    ],", ")"]
    return "\n".join(rows)


def evaluator(contents: Contents, layout: str) -> str:
    """The config of the metrics."""
    split = contents.val.name
    if contents.task == "semantic":
        return 'val_evaluator = [dict(type="m2f.MeanIoU")]'
    objects = "instances_json=root + " + quoted(f"annotations/instances_{split}.json")
    if contents.task == "instance":
        return f'val_evaluator = [dict(type="m2f.InstanceAP", {objects})]'
    rows = [
        "truth = dict(",
        f"    panoptic_json=root + {quoted(f'annotations/panoptic_{split}.json')},",
        f"    panoptic_directory=root + {quoted(f'annotations/panoptic_{split}/')},",
        ")",
        "val_evaluator = [",
        '    dict(type="m2f.PanopticQuality", **truth),',
    ]
    if contents.objects and any(contents.is_thing):
        rows.append(f'    dict(type="m2f.InstanceAP", {objects}, boundary=False, names=dict(AP="AP_pan_th")),')
    return "\n".join([*rows, '    dict(type="m2f.PanopticMeanIoU", **truth),', "]"])


def write_lists(contents: Contents, folder: Path) -> dict[str, str]:
    """Write the lists of a data set that has no splits; the files by ``train`` and ``val``, empty where it has some.

    Raises:
        InputError: a file of that name holds anything else.
    """
    splits = {"train": contents.train, "val": contents.val}
    lists = {
        folder.resolve() / f"{name}.txt": "\n".join([*split.listed, ""]).encode()
        for name, split in splits.items()
        if split.listed
    }
    for path, content in lists.items():
        if path.exists() and path.read_bytes() != content:
            raise InputError(f"{path} exists and is not written over; remove it, or name another folder with --out.")
    for path, content in lists.items():
        write_atomically(path, content)
    return {path.stem: str(path) for path in lists}


def class_words(contents: Contents) -> str:
    """The classes in a sentence, with the mend where they have no names."""
    things = sum(contents.is_thing)
    stuff = len(contents.classes) - things
    apart = f"{things} thing and {stuff} stuff classes"
    words = apart if contents.task == "panoptic" else f"{len(contents.classes)} classes"
    if contents.maps and read_class_file(contents.root) is None:
        return f"{words}, numbered: {contents.root / CLASS_FILE} may name them, one a line"
    return words
