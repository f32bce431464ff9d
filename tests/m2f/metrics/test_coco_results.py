"""Predictions written in COCO's formats give other evaluators what the model predicted."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pycocotools.mask
import pytest
import torch

from m2f.data.images import read_segment_ids
from m2f.metrics.coco_results import CocoResults, own_category_ids, result_names

CATEGORY_IDS = [3, 7, 200]
NAMES = {(image_id, f"/images/{image_id:012d}.jpg"): f"{image_id:012d}.png" for image_id in (5, 8, 9)}


def sample(image_id, **predictions):
    return {"img_id": image_id, "img_path": f"/images/{image_id:012d}.jpg", **predictions}


def test_panoptic(tmp_path):
    segment_ids = torch.zeros(4, 6, dtype=torch.int32)
    segment_ids[:, :2], segment_ids[:, 2:4] = 1, 70000
    segments = [{"id": 1, "label": 2, "isthing": False, "score": 0.9}, {"id": 70000, "label": 0}]
    with CocoResults(tmp_path, CATEGORY_IDS, NAMES) as results:
        results.add(sample(5, pred_panoptic_seg={"data": segment_ids[None]}, segments_info=segments))
        results.add(sample(8, pred_panoptic_seg={"data": torch.zeros_like(segment_ids)[None]}, segments_info=[]))
    assert json.loads((tmp_path / "panoptic.json").read_text()) == {
        "annotations": [
            {
                "image_id": 5,
                "file_name": "000000000005.png",
                "segments_info": [{"id": 1, "category_id": 200}, {"id": 70000, "category_id": 3}],
            },
            {"image_id": 8, "file_name": "000000000008.png", "segments_info": []},
        ]
    }
    np.testing.assert_array_equal(read_segment_ids(tmp_path / "panoptic" / "000000000005.png"), segment_ids)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["panoptic", "panoptic.json"]


def test_instances(tmp_path):
    masks = torch.zeros(2, 5, 9, dtype=torch.bool)
    masks[0, 1:3, 4:8] = True  # the second mask is empty
    instances = {"masks": masks, "labels": torch.tensor([1, 0]), "scores": torch.tensor([0.5, 0.25])}
    none = {"masks": masks[:0], "labels": torch.tensor([], dtype=int), "scores": torch.tensor([])}
    with CocoResults(tmp_path, CATEGORY_IDS, NAMES) as results:
        results.add(sample(5, pred_instances=none))
        results.add(sample(8, pred_instances=instances))
        results.add(sample(9, pred_instances=instances))
    detections = json.loads((tmp_path / "instances.json").read_text())
    assert [(found["image_id"], found["category_id"], found["score"]) for found in detections] == [
        (8, 7, 0.5),
        (8, 3, 0.25),
        (9, 7, 0.5),
        (9, 3, 0.25),
    ]
    assert all(set(found) == {"image_id", "category_id", "score", "segmentation"} for found in detections)
    for found, mask in zip(detections, masks, strict=False):
        np.testing.assert_array_equal(pycocotools.mask.decode(found["segmentation"]), mask)


def test_no_instance_in_any_image_is_an_empty_list(tmp_path):
    none = {"masks": torch.zeros(0, 4, 4, dtype=torch.bool), "labels": torch.tensor([]), "scores": torch.tensor([])}
    with CocoResults(tmp_path, CATEGORY_IDS, NAMES) as results:
        results.add(sample(5, pred_instances=none))
    assert json.loads((tmp_path / "instances.json").read_text()) == []


@pytest.mark.parametrize("category_ids", [CATEGORY_IDS, [3, 7, 300]])
def test_semantic(tmp_path, category_ids):
    labels = torch.tensor([[0, 1, 2], [2, 2, 0]])
    with CocoResults(tmp_path, category_ids, NAMES) as results:
        results.add(sample(5, pred_sem_seg={"data": labels[None]}))
    written = cv2.imread(str(tmp_path / "semantic" / "000000000005.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, np.array(category_ids)[labels])


def test_ids_of_categories():
    annotated = SimpleNamespace(cat2label={90: 1, 1: 0, 200: 2})
    maps = {"metainfo": {"classes": ("wall", "sky")}}
    assert own_category_ids(annotated) == [1, 90, 200]
    assert own_category_ids(SimpleNamespace(**maps, reduce_zero_label=True)) == [1, 2]
    assert own_category_ids(SimpleNamespace(**maps)) == [0, 1]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/1.jpg", "b/1.jpg"], ["a/1.png", "b/1.png"]),
        (["1.png", "1.jpg", "2.jpg"], ["1.png.png", "1.jpg.png", "2.png"]),
        (["1.jpg.png", "1.jpg", "1.png"], ["1.jpg.png", "1.jpg.2.png", "1.png.png"]),
        (["../other/1.jpg", "/far/1.jpg"], ["other/1.png", "far/1.png"]),
        (
            ["A/1.jpg", "a/1.jpg"],
            ["A/1.jpg.png", "a/1.jpg.2.png"],
        ),  # one file where the system does not tell them apart
        (["1.jpg", "1.jpg"], ["1.jpg.png", "1.jpg.2.png"]),  # two images of one file
    ],
)
def test_no_two_images_have_one_name(files, names):
    infos = [{"img_id": number, "img_path": str(Path("/data/val", name))} for number, name in enumerate(files)]
    assert list(result_names(Listed(infos)).values()) == names


class Listed(list):
    """What a data set knows of its images."""

    data_prefix = {"img": "/data/val/"}
    get_data_info = list.__getitem__
