import contextlib
import copy
import io
import json

import cv2
import faster_coco_eval
import numpy as np
import pycocotools.mask
import pytest
from pycocotools.coco import COCO

from m2f.metrics.average_precision import boundary, boundary_precision, mask_statistics
from m2f.peers.evaluation_programs import faster_coco_boundary, pycocotools_statistics

CATEGORIES = [{"id": identity, "name": f"class {identity}"} for identity in (9, 4, 17)]
HEIGHT, WIDTH = 150, 200


def code_of(mask):
    return pycocotools.mask.encode(np.asfortranarray(mask.astype(np.uint8)))


def as_text(code):
    return code | {"counts": code["counts"].decode()}


def ellipse(rng):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    centre, radii = rng.integers(0, [WIDTH, HEIGHT]), rng.integers(4, 90, 2)
    return cv2.ellipse(mask, centre.tolist(), radii.tolist(), int(rng.integers(180)), 0, 360, 1, -1)


def polygon(rng):
    """Corners of a quadrilateral, as COCO has them."""
    x, y = rng.integers(0, WIDTH - 60), rng.integers(0, HEIGHT - 60)
    right, down = rng.integers(10, 60, 2) + rng.random(2)
    return [[float(x), float(y), float(x + right), float(y), float(x + right), float(y + down), float(x), float(y + 5)]]


def random_truth(rng, images=12):
    """Objects of three classes and all sizes, crowds among them; some as polygons; the third image holds nothing."""
    annotations = []
    for image_id in range(1, images + 1):
        for _ in range(0 if image_id == 3 else int(rng.integers(1, 9))):
            crowd = int(rng.random() < 0.15)
            if crowd or rng.random() < 0.7:
                segmentation = as_text(code_of(ellipse(rng)))
                area = int(pycocotools.mask.area(segmentation))
            else:
                segmentation = polygon(rng)
                area = float(pycocotools.mask.area(pycocotools.mask.frPyObjects(segmentation, HEIGHT, WIDTH)).sum())
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": CATEGORIES[rng.integers(2)]["id"],
                    "iscrowd": crowd,
                    "area": area,
                    "bbox": [0, 0, 1, 1],
                    "segmentation": segmentation,
                }
            )
    sizes = [{"id": index, "height": HEIGHT, "width": WIDTH} for index in range(1, images + 1)]
    return {"images": sizes, "annotations": annotations, "categories": CATEGORIES}


def near(rng, truth, most):
    """Detections: objects moved by a few pixels, crowds too, and masks anywhere; scores with many ties."""
    indexed = index(truth)
    detections = []
    for image in truth["images"]:
        objects = [entry for entry in truth["annotations"] if entry["image_id"] == image["id"]]
        for _ in range(0 if image["id"] == 5 else int(rng.integers(1, most))):
            mask, category = ellipse(rng), CATEGORIES[rng.integers(3)]["id"]
            if objects and rng.random() < 0.8:
                chosen = objects[rng.integers(len(objects))]
                moved = np.roll(indexed.annToMask(chosen), rng.integers(-4, 5, 2), axis=(0, 1))
                mask, category = moved, chosen["category_id"] if rng.random() < 0.9 else category
            score = float(rng.integers(20)) / 20
            detections.append(
                {"image_id": image["id"], "category_id": category, "score": score, "segmentation": code_of(mask)}
            )
    return detections


def index(truth):
    with contextlib.redirect_stdout(io.StringIO()):
        indexed = COCO()
        indexed.dataset = copy.deepcopy(dict(truth))
        indexed.createIndex()
    return indexed


@pytest.mark.parametrize("seed", range(4))
def test_same_as_the_references(seed):
    rng = np.random.default_rng(seed)
    truth = random_truth(rng)
    detections = near(rng, truth, most=25)
    image_ids = list(range(1, 12))
    own = [detection for detection in detections if detection["image_id"] in image_ids]
    statistics = mask_statistics(truth, own, image_ids)
    expected = pycocotools_statistics(truth, own, image_ids)
    assert 0.05 < expected["AP"] < 0.9
    assert statistics == pytest.approx(expected, abs=1e-12)
    precision = boundary_precision(truth, own, image_ids)
    assert precision == pytest.approx(faster_coco_boundary(truth, own, image_ids), abs=1e-12)
    assert 0 < precision < statistics["AP"]


def test_more_detections_than_count():
    """150 to 200 in an image, of which COCO takes each class's best 100."""
    rng = np.random.default_rng(0)
    truth = random_truth(rng, images=2)
    for annotation in truth["annotations"]:
        annotation["category_id"] = 4
    detections = [detection | {"category_id": 4} for detection in near(rng, truth, most=200) for _ in range(2)]
    assert len(detections) > 250
    assert mask_statistics(truth, detections, [1, 2]) == pytest.approx(
        pycocotools_statistics(truth, detections, [1, 2]), abs=1e-12
    )
    assert boundary_precision(truth, detections, [1, 2]) == pytest.approx(
        faster_coco_boundary(truth, detections, [1, 2]), abs=1e-12
    )


def test_same_as_pycocotools_on_coco(shared):
    """Real objects and crowds; detections are the objects, moved."""
    truth = json.loads((shared / "data/coco100/annotations/instances_val2017.json").read_text())
    truth["images"] = truth["images"][:25]
    image_ids = [image["id"] for image in truth["images"]]
    truth["annotations"] = [entry for entry in truth["annotations"] if entry["image_id"] in image_ids]
    assert any(entry["iscrowd"] for entry in truth["annotations"])
    rng, indexed = np.random.default_rng(0), index(truth)
    detections = [
        {
            "image_id": entry["image_id"],
            "category_id": entry["category_id"],
            "score": float(rng.random()),
            "segmentation": code_of(np.roll(indexed.annToMask(entry), rng.integers(-3, 4, 2), axis=(0, 1))),
        }
        for entry in truth["annotations"]
    ]
    expected = pycocotools_statistics(truth, detections, image_ids)
    assert all(0.05 < expected[name] < 0.95 for name in ("AP", "APs", "APm", "APl"))
    assert mask_statistics(truth, detections, image_ids) == pytest.approx(expected, abs=1e-12)


def test_without_detections_or_objects():
    truth = random_truth(np.random.default_rng(0))
    assert mask_statistics(truth, [], [1, 2])["AP"] == boundary_precision(truth, [], [1, 2]) == 0
    assert mask_statistics(truth, [], [3])["AP"] == boundary_precision(truth, [], [3]) == -1


def test_arguments_stay_as_they_are():
    rng = np.random.default_rng(0)
    truth = random_truth(rng)
    detections = near(rng, truth, most=3)
    before = copy.deepcopy((truth, detections))
    mask_statistics(truth, detections, [1, 2])
    boundary_precision(truth, detections, [1, 2])
    assert (truth, detections) == before


@pytest.mark.parametrize("seed", range(3))
def test_boundary_same_as_faster_coco_evals(seed):
    rng = np.random.default_rng(seed)
    for mask in (ellipse(rng), ellipse(rng) | ellipse(rng), np.ones((HEIGHT, WIDTH)), np.eye(20)):
        code = code_of(mask)
        assert boundary(code) == faster_coco_eval.core.mask.rleToBoundary(code)
