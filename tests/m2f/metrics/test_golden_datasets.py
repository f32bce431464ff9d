"""The metrics on predictions for real images of each data set, beside the numbers of its own evaluation programs."""

import json
from functools import partial

import numpy as np
import pycocotools.mask
import pytest
import torch

from m2f.data.cityscapes_labels import LABEL_IDS, THINGS
from m2f.data.images import read_labels, read_segment_ids
from m2f.metrics import CityscapesAP, InstanceAP, MapMeanIoU, MeanIoU, PanopticQuality

PANOPTIC = {
    "cityscapes_full": "cityscapes_val_truth/gtFine/cityscapes_panoptic_val",
    "ade20k": "ade/ADEChallengeData2016/ade20k_panoptic_val",
    "mapillary": "mapillary_vistas/validation/panoptic",
}


@pytest.fixture
def golden(shared):
    return shared / "golden/datasets"


@pytest.fixture
def data(shared):
    return shared / "data/datasets"


def expected(directory):
    return json.loads((directory / "expected.json").read_text())


def decoded(detection):
    return pycocotools.mask.decode(detection["segmentation"]).astype(bool)


def instance_samples(path, label_of):
    by_image = {}
    for detection in json.loads(path.read_text()):
        by_image.setdefault(detection["image_id"], []).append(detection)
    for image_id, detections in by_image.items():
        instances = {
            "masks": torch.from_numpy(np.stack([decoded(detection) for detection in detections])),
            "scores": torch.tensor([detection["score"] for detection in detections], dtype=torch.float64),
            "labels": torch.tensor([label_of[detection["category_id"]] for detection in detections]),
        }
        yield {"img_id": image_id, "pred_instances": instances}


def test_cityscapes_ap(golden, data):
    """All 8 x 10 values of cityscapesScripts."""
    metric = CityscapesAP(str(data / "cityscapes_val_truth/gtFine/val"))
    metric.dataset_meta = {"classes": ("road", *THINGS), "thing_classes": tuple(THINGS)}
    label_of = {number: label for label, number in enumerate(THINGS.values(), start=1)}
    for sample in instance_samples(golden / "cityscapes_full/instances.json", label_of):
        metric.process(None, [sample])
    values = metric.evaluate(6)
    wanted = expected(golden / "cityscapes_full")["instance"]
    np.testing.assert_allclose(metric.matrix, wanted["matrix_class_x_overlap"], rtol=0, atol=1e-12)
    assert values == pytest.approx({name: 100 * wanted[name] for name in ("AP", "AP50")}, abs=1e-10)
    own = [100 * wanted["by_class"][name]["ap"] for name in THINGS]
    assert metric.by_class["AP"] == pytest.approx(own, nan_ok=True)
    assert metric.class_labels == list(range(1, 9))  # the road comes first


def test_coco_ap_of_ade20k(golden, data):
    """The ids of images are strings."""
    truth = data / "ade/ADEChallengeData2016/ade20k_instance_val.json"
    metric = InstanceAP(str(truth), boundary=False)
    label_of = {category["id"]: label for label, category in enumerate(metric.things)}
    for sample in instance_samples(golden / "ade20k/instances.json", label_of):
        metric.process(None, [sample])
    wanted = {name: 100 * value for name, value in expected(golden / "ade20k")["instance"].items() if value >= 0}
    assert metric.evaluate(len(metric.results)) == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("name", PANOPTIC)
def test_panoptic_quality(golden, data, name):
    directory = data / PANOPTIC[name]
    path = directory.with_suffix(".json")
    metric = PanopticQuality(str(path if path.is_file() else directory / "panoptic_2018.json"), str(directory))
    for annotation in json.loads((golden / name / "panoptic.json").read_text())["annotations"]:
        segments = [
            {"id": segment["id"], "label": metric.truth.labels[segment["category_id"]]}
            for segment in annotation["segments_info"]
        ]
        ids = read_segment_ids(golden / name / "panoptic" / annotation["file_name"])
        sample = {"img_id": annotation["image_id"], "segments_info": segments}
        metric.process(None, [{**sample, "pred_panoptic_seg": {"data": torch.from_numpy(ids)[None]}}])
    wanted = expected(golden / name)["panoptic"]
    groups = {"": "all", "_th": "things", "_st": "stuff"}
    assert metric.evaluate(len(metric.results)) == pytest.approx(
        {
            quality + suffix: 100 * wanted[group][quality.lower()]
            for suffix, group in groups.items()
            for quality in ("PQ", "SQ", "RQ")
        },
        abs=1e-10,
    )


def cityscapes_predictions(directory):
    table = np.full(256, 255, np.uint8)
    table[list(LABEL_IDS)] = np.arange(19)
    return {path.stem.removesuffix("_pred"): table[read_labels(path)] for path in directory.iterdir()}


def predictions(directory, first=0):
    return {path.stem: read_labels(path) - first for path in directory.iterdir()}


MAPS = {
    "cityscapes_full": (
        cityscapes_predictions,
        19,
        {"map_directory": "cityscapes_val_truth/gtFine/val", "suffix": "_gtFine_labelTrainIds.png"},
    ),
    "ade20k": (
        partial(predictions, first=1),
        150,
        {"map_directory": "ade/ADEChallengeData2016/annotations/validation", "reduce_zero_label": True},
    ),
    "mapillary": (predictions, 65, {"map_directory": "mapillary_vistas/validation/labels", "void": 65}),
}


@pytest.mark.parametrize("name", MAPS)
def test_mean_iou(golden, data, name):
    """Of classes in truth or prediction; over those in the truth alone the mean is detectron2's."""
    read, classes, arguments = MAPS[name]
    metric = MapMeanIoU(**{**arguments, "map_directory": str(data / arguments["map_directory"])})
    same = MeanIoU()
    for each in (metric, same):
        each.dataset_meta = {"classes": [str(label) for label in range(classes)]}
    for image_id, predicted in read(golden / name / "semantic").items():
        data_of = {"data": torch.from_numpy(predicted.astype(np.int64))[None]}
        sample = {"img_id": image_id, "pred_sem_seg": data_of}
        truth = metric.truth_of(sample, classes).astype(np.int64)
        metric.process(None, [sample])
        same.process(None, [{**sample, "gt_sem_seg": {"data": torch.from_numpy(truth)[None]}}])
    wanted = expected(golden / name)["semantic"]
    wanted = wanted.get("by_trainIds", wanted)
    images = len(metric.results)
    assert metric.evaluate(images)["mIoU_pan"] == pytest.approx(100 * wanted["mIoU_union"], abs=1e-10)
    assert same.evaluate(images)["mIoU"] == pytest.approx(100 * wanted["mIoU_union"], abs=1e-10)
    iou = metric.by_class["IoU"]
    assert iou == pytest.approx([np.nan if own is None else 100 * own for own in wanted["IoU"]], nan_ok=True)
    occurs = metric.by_class["pixels"] > 0
    assert np.nanmean(iou[occurs]) == pytest.approx(100 * wanted["mIoU_detectron2"], abs=1e-10)
