"""Every design that the studies' rows name, once and tiny, and a batch to train it on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmdet.structures import DetDataSample
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies import SINCE_THE_PAPER, STUDIES
from m2f.models import Mask2Former
from m2f.registry import MODELS

Config = dict[str, Any]

CHANNELS = [8, 16, 32, 64]
SMALL: dict[str, Config] = {
    "pixel_decoder": {
        "in_channels": CHANNELS,
        "embed_dims": 16,
        "num_layers": 1,
        "num_heads": 2,
        "feedforward_dims": 32,
        "norm_groups": 4,
    },
    "transformer_decoder": {"embed_dims": 16, "num_heads": 2, "feedforward_dims": 32},
    "criterion": {"num_points": 64},
}
SWIN = {
    "type": "mmdet.SwinTransformer",
    "embed_dims": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 2, 2],
    "window_size": 4,
    "drop_path_rate": 0.3,
}
SIZES = (64, 64), (60, 50)


def designs(task: str = "panoptic") -> dict[str, Config]:
    """Config of the model by table and row; rows that are the same but for their sizes come once.

    Of the studies since the paper, those rows come that have a choice no row before them has: they also cross choices.
    """
    fits = [study for study in STUDIES.values() if task in study.tasks and not study.scales]
    found: dict[str, str] = {}
    chosen: set[str] = set()
    for cell in make_plan(fits, chosen_scale("smoke"), [task], [0], {}, Path("nowhere")).cells:
        model = tiny(cell.run.config["model"])
        new = set(choices(model)) - chosen
        if new or STUDIES[cell.table] not in SINCE_THE_PAPER:
            found.setdefault(json.dumps(model), f"{cell.table} {cell.variant}")
        chosen |= new
    named = {name: json.loads(text) for text, name in found.items()}
    return {**named, "Swin": {**next(iter(named.values())), "backbone": SWIN}}


def choices(config: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """What a config chooses: each key with its value, dicts taken apart."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from choices(value, f"{above}{key}.")
        else:
            yield f"{above}{key}={value!r}"


def trained_designs() -> dict[str, Config]:
    """Those of panoptic segmentation that are trained; the others look at a model that is."""
    return {name: config for name, config in designs().items() if "Inspector" not in config["type"]}


def tiny(model: Mapping[str, Any]) -> Config:
    """A row's model with all that is only size made small."""
    small: Config = {
        part: {**model[part], **{key: value for key, value in sizes.items() if key in model[part]}}
        for part, sizes in SMALL.items()
    }
    queries = {**model["transformer_decoder"]["queries"], "num_queries": 8}
    small["transformer_decoder"] = {**small["transformer_decoder"], "queries": queries}
    backbone = {**model["backbone"], "base_channels": CHANNELS[0], "stem_channels": CHANNELS[0]}
    return {**model, **small, "backbone": backbone}


def built(config: Mapping[str, Any]) -> Mask2Former:
    """The design's model, its weights the same each time."""
    init_default_scope("m2f")
    torch.manual_seed(0)
    return MODELS.build(json.loads(json.dumps(config)))


def batch(num_classes: int, image_sizes: Sequence[tuple[int, int]] = SIZES) -> dict[str, list[Any]]:
    """Images of noise, by default two, with three boxes on each, as a data loader gives them."""
    draw = torch.Generator().manual_seed(1)
    samples = []
    for number, (height, width) in enumerate(image_sizes):
        corner = torch.randint(20, (3, 2, 1, 1), generator=draw)
        rows, columns = torch.arange(height)[:, None], torch.arange(width)
        inside = (rows >= corner[:, 0]) & (rows < corner[:, 0] + 24) & (columns >= corner[:, 1]) & (columns < 40)
        labels = torch.randint(num_classes, (3,), generator=draw)
        shapes = {"img_shape": (height, width), "ori_shape": (height, width), "img_id": number}
        samples.append(DetDataSample(metainfo=shapes, gt_instances=InstanceData(labels=labels, masks=inside)))
    images = [torch.randint(256, (3, *size), dtype=torch.uint8, generator=draw) for size in image_sizes]
    return {"inputs": images, "data_samples": samples}
