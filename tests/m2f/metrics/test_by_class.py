"""What the metrics know of each class once they have computed."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from m2f.engine.kept.tables import class_rows
from m2f.metrics import InstanceAP, MeanIoU, PanopticQuality

PERSON, CAR, SKY = range(3)


def compute(metric, sample):
    metric.process(None, [sample])
    metric.evaluate(1)
    return {name: values.tolist() for name, values in metric.by_class.items()}


def test_panoptic_quality(tmp_path, panoptic_truth):
    """A person of 20 pixels of which 16 are found, a crowd of persons, and a sky that is taken for a car."""
    truth = np.repeat([[1] * 5 + [2] * 3 + [3] * 2], 4, axis=0)
    segments = [
        {"id": 1, "category_id": 3},
        {"id": 2, "category_id": 3, "iscrowd": 1},
        {"id": 3, "category_id": 20},
    ]
    predicted = np.repeat([[1] * 4 + [0] * 4 + [2] * 2], 4, axis=0)
    sample = {
        "img_id": 1,
        "pred_panoptic_seg": {"data": torch.from_numpy(predicted.astype(np.int32))[None]},
        "segments_info": [{"id": 1, "label": PERSON}, {"id": 2, "label": CAR}],
    }
    found = compute(PanopticQuality(**panoptic_truth(tmp_path, [(truth.astype(np.int32), segments)])), sample)
    assert found["segments"] == [1, 0, 1, 0]
    assert found["PQ"] == pytest.approx([80, 0, 0, np.nan], nan_ok=True)
    assert found["SQ"] == pytest.approx([80, 0, 0, np.nan], nan_ok=True)
    assert found["RQ"] == pytest.approx([100, 0, 0, np.nan], nan_ok=True)


@pytest.fixture
def objects(tmp_path, instance_truth):
    """A file that lists class 9 first; of it two objects and a crowd in the first image, one in another."""
    masks = torch.zeros(3, 128, 128, dtype=torch.bool)
    masks[0, :40, :40] = masks[1, 60:, 60:] = masks[2, :40, 60:] = True
    left, right, crowd = masks.numpy()
    path = Path(instance_truth(tmp_path, [[(left, 2, 0), (right, 2, 0), (crowd, 2, 1)], [(left, 2, 0)]]))
    content = json.loads(path.read_text())
    content["categories"].reverse()
    path.write_text(json.dumps(content))
    return str(path), masks


def test_average_precision(objects):
    path, masks = objects
    instances = {"masks": masks[:1], "labels": torch.tensor([0]), "scores": torch.tensor([0.9])}
    found = compute(InstanceAP(path), {"img_id": 1, "pred_instances": instances})
    half = 100 * 51 / 101  # one of two objects: precision 1 up to a recall of one half
    assert found == {
        "objects": [2, 0, 0],
        "AP": pytest.approx([half, np.nan, np.nan], nan_ok=True),
        "AP_boundary": pytest.approx([half, np.nan, np.nan], nan_ok=True),
    }


def test_average_precision_goes_by_its_reported_name(objects):
    path, masks = objects
    instances = {"masks": masks[:1], "labels": torch.tensor([0]), "scores": torch.tensor([0.9])}
    metric = InstanceAP(path, boundary=False, names={"AP": "AP_pan_th"})
    assert list(compute(metric, {"img_id": 1, "pred_instances": instances})) == ["objects", "AP_pan_th"]


def test_things_that_come_not_first_have_their_own_values(objects):
    """In the data set's order the file's things stand after stuff and among it."""
    path, masks = objects
    metric = InstanceAP(path, boundary=False)
    things = ["class 9", "class 7", "class 3"]  # as the file lists them
    classes = ["wall", *things[:1], "sky", *things[1:], "water"]
    metric.dataset_meta = {"classes": classes, "thing_classes": things}
    instances = {"masks": masks[:1], "labels": torch.tensor([1]), "scores": torch.tensor([0.9])}
    compute(metric, {"img_id": 1, "pred_instances": instances})
    rows = class_rows(SimpleNamespace(metainfo={"classes": classes}), [metric])
    assert rows == [
        {"class": "wall"},
        {"class": "class 9", "objects": 2, "AP": pytest.approx(100 * 51 / 101)},
        {"class": "sky"},
        {"class": "class 7", "objects": 0},
        {"class": "class 3", "objects": 0},
        {"class": "water"},
    ]


def test_mean_iou(dataset_meta):
    metric = MeanIoU()
    metric.dataset_meta = dataset_meta
    sample = {
        "pred_sem_seg": {"data": torch.tensor([[0, 0, 1, 1]])[None]},
        "gt_sem_seg": {"data": torch.tensor([[0, 0, 0, 255]], dtype=torch.uint8)[None]},
    }
    found = compute(metric, sample)
    assert found["pixels"] == [3, 0, 0, 0]
    assert found["IoU"] == pytest.approx([100 * 2 / 3, 0, np.nan, np.nan], nan_ok=True)
