"""PQ and AP of damaged annotations that m2f accepts, beside panopticapi's algorithm and pycocotools.

The other programs get the files as they are, but for what ``docs/data-checks.md`` says that m2f makes up for, which is
made up for here from pixels.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pycocotools.mask
import torch
from behaviour import ask, require
from numpy.typing import NDArray

from m2f.data.images import encode_png, read_segment_ids, segment_colours
from m2f.errors import InputError
from m2f.metrics import InstanceAP, PanopticQuality
from m2f.metrics.instance_ap import NAMES
from m2f.metrics.panoptic_quality import quality_by_class
from m2f.peers.evaluation_programs import panopticapi_counts, pycocotools_statistics

NEAR = 3  # pixels by which predictions are moved
Image = tuple[Any, NDArray[Any], list[int]]
"""An image's id, what is predicted for it, and the labels of that."""


def loosely(path: Path) -> dict[str, Any]:
    """A file's JSON as Python reads it."""
    content: dict[str, Any] = json.loads(
        path.read_bytes().decode("utf-8-sig", errors="replace"), parse_int=float_if_long
    )
    return content


def float_if_long(digits: str) -> float:
    """A whole number; Python reads only thousands of digits, and m2f passes over more where it needs none."""
    return int(digits) if len(digits) < 1000 else float(digits)


def panoptic(path: Path, work: Path, random: Random) -> InputError | bool:
    """Whether PQ was compared; m2f's refusal where it refuses.

    Args:
        path: the annotation file.
        work: an empty directory for predicted PNGs.
        random: draws predictions.
    """
    metric = ask(PanopticQuality, str(path), str(path.with_suffix("")))
    if isinstance(metric, InputError):
        return metric
    truth, predicted = [], []
    raw = loosely(path)
    for number, annotation in enumerate(raw["annotations"]):
        read = ask(metric.truth.read, annotation["image_id"])
        if isinstance(read, InputError):
            return read
        segment_map = read[1]
        shown, labels = moved_segments(segment_map, len(metric.truth.categories), random)
        segments = [{"id": own, "label": label} for own, label in labels.items()]
        data = {"data": torch.from_numpy(shown)[None]}
        metric.process(None, [{"img_id": annotation["image_id"], "pred_panoptic_seg": data, "segments_info": segments}])
        name = f"{number}.png"
        (work / name).write_bytes(encode_png(segment_colours(shown), compression=1))
        own = [{"id": own, "category_id": raw["categories"][label]["id"]} for own, label in labels.items()]
        predicted.append({"file_name": name, "segments_info": own})
        truth.append(with_areas(annotation, segment_map))
    counts = panopticapi_counts(truth, path.with_suffix(""), predicted, work, raw["categories"])
    require(
        np.allclose(np.sum(metric.results, axis=0), counts, rtol=0, atol=1e-9),
        f"counted {np.sum(metric.results, axis=0).tolist()}, panopticapi {counts.tolist()}",
    )
    qualities, occurs = quality_by_class(counts)
    values = metric.evaluate(len(truth))
    if occurs.any():
        theirs = 100 * float(qualities[0][occurs].mean())
        require(abs(values["PQ"] - theirs) < 1e-9, f"PQ is {values['PQ']}, panopticapi's {theirs}")
    return True


def quality(truth: Path, predicted: Path) -> float:
    """PQ in percent by panopticapi's algorithm of what an evaluation has saved; NaN if no class occurs."""
    raw, saved = loosely(truth), loosely(predicted)
    by_image = {annotation["image_id"]: annotation for annotation in saved["annotations"]}
    annotations = [
        with_areas(annotation, read_segment_ids(truth.with_suffix("") / annotation["file_name"]))
        for annotation in raw["annotations"]
    ]
    predictions = [by_image[annotation["image_id"]] for annotation in annotations]
    counts = panopticapi_counts(
        annotations, truth.with_suffix(""), predictions, predicted.with_suffix(""), raw["categories"]
    )
    qualities, occurs = quality_by_class(counts)
    return 100 * float(qualities[0][occurs].mean())


def moved_segments(
    segment_map: NDArray[np.int32], classes: int, random: Random
) -> tuple[NDArray[np.int32], dict[int, int]]:
    """A map moved by a few pixels, its segments numbered from 1, and a class for each."""
    shift = (random.randint(-NEAR, NEAR), random.randint(-NEAR, NEAR))
    ids, parts = np.unique(np.roll(segment_map, shift, axis=(0, 1)), return_inverse=True)
    shown = parts.reshape(segment_map.shape).astype(np.int32) + int(ids[0] != 0)
    numbers = [int(number) for number in np.unique(shown) if number]
    return shown, {number: random.randrange(classes) for number in numbers}


def with_areas(annotation: dict[str, Any], segment_map: NDArray[np.int32]) -> dict[str, Any]:
    """An annotation whose segments have the areas of the map."""
    segments = [
        {**segment, "area": int((segment_map == segment["id"]).sum())} for segment in annotation["segments_info"]
    ]
    return {**annotation, "segments_info": segments}


def instances(path: Path, random: Random) -> InputError | bool:
    """Whether AP was compared; m2f's refusal where it refuses. Arguments as for :func:`panoptic`."""
    metric = ask(InstanceAP, str(path), random.random() < 0.1)  # boundaries take most of the time
    if isinstance(metric, InputError):
        return metric
    truth = made_up_for(loosely(path))
    things = [category for category in truth["categories"] if category.get("isthing", 1)]
    if not things or not truth["annotations"]:
        return False
    numbers = {image["id"]: number for number, image in enumerate(truth["images"], start=1)}
    detections = []
    for image in truth["images"]:
        own = [each for each in truth["annotations"] if each["image_id"] == image["id"]]
        masks = [np.roll(decoded(each["segmentation"], image), random.randint(-NEAR, NEAR), axis=1) for each in own]
        labels = [random.randrange(len(things)) if random.random() < 0.2 else label_of(each, things) for each in own]
        scores = [random.random() for _ in own]
        shape = (0, image["height"], image["width"])
        stacked = torch.from_numpy(np.stack(masks) if masks else np.zeros(shape, bool))
        found = {"masks": stacked, "labels": torch.tensor(labels, dtype=torch.int64), "scores": torch.tensor(scores)}
        metric.process(None, [{"img_id": image["id"], "pred_instances": found}])
        detections += [
            {
                "image_id": numbers[image["id"]],
                "category_id": things[label]["id"],
                "score": float(np.float32(score)),
                "segmentation": pycocotools.mask.encode(np.asfortranarray(mask.astype(np.uint8))),
            }
            for mask, label, score in zip(masks, labels, scores, strict=True)
        ]
    values = metric.evaluate(len(truth["images"]))
    numbered = {
        "images": [{**image, "id": numbers[image["id"]]} for image in truth["images"]],
        "annotations": [{**each, "image_id": numbers[each["image_id"]]} for each in truth["annotations"]],
        "categories": truth["categories"],
    }
    theirs = pycocotools_statistics(numbered, detections, list(numbers.values()))
    for name, statistic in NAMES.items():
        value, other = values.get(name, -100.0), 100 * theirs[statistic]
        require(abs(value - other) < 1e-6, f"{name} is {value}, pycocotools' {other}")
    return True


def label_of(instance: dict[str, Any], things: list[dict[str, Any]]) -> int:
    """The label of an object's class; the first if that is no thing."""
    return next((label for label, each in enumerate(things) if each["id"] == instance["category_id"]), 0)


def made_up_for(content: dict[str, Any]) -> dict[str, Any]:
    """Annotations with a number and an area for every object."""
    images = {image["id"]: image for image in content["images"]}
    objects = []
    for number, instance in enumerate(content["annotations"], start=1):
        image = images[instance["image_id"]]
        area = instance.get("area")
        if area is None or not 0 < area <= image["height"] * image["width"]:
            area = int(decoded(instance["segmentation"], image).sum())
        objects.append({"iscrowd": 0, **instance, "id": number, "area": area, "bbox": [0, 0, 1, 1]})
    return {**content, "annotations": objects}


def decoded(segmentation: Any, image: dict[str, Any]) -> NDArray[np.bool_]:
    """An object's mask ``[H, W]`` as pycocotools makes it."""
    height, width = image["height"], image["width"]
    if isinstance(segmentation, list):
        code = pycocotools.mask.merge(pycocotools.mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        code = pycocotools.mask.frPyObjects(segmentation, height, width)
    else:
        code = segmentation
    return pycocotools.mask.decode(code).astype(bool)
