"""Cityscapes' average precision by hand, and its tables; all of its values are in test_golden_datasets."""

import numpy as np
import pytest
import torch
from PIL import Image

from m2f.data.cityscapes_labels import THINGS
from m2f.errors import InputError
from m2f.metrics import CityscapesAP
from m2f.metrics.cityscapes_ap import area_under

CAR = list(THINGS).index("car")
WIDTH = 200


def make(root, rows):
    """A metric whose ground truth, 10 pixels high, has these ids from column to column, and the image's id."""
    (root / "ulm").mkdir(exist_ok=True)
    ids = np.zeros((10, WIDTH), np.uint16)
    for (first, last), number in rows.items():
        ids[:, first:last] = number
    Image.fromarray(ids).save(root / "ulm" / "ulm_000000_000019_gtFine_instanceIds.png")
    metric = CityscapesAP(str(root))
    metric.dataset_meta = {"classes": tuple(THINGS)}
    return metric


def evaluate(metric, *detections):
    """The metrics for detections of cars: first and last column, and score."""
    masks = torch.zeros(len(detections), 10, WIDTH, dtype=torch.bool)
    for mask, (first, last, _) in zip(masks, detections, strict=True):
        mask[:, first:last] = True
    scores = torch.tensor([score for _, _, score in detections])
    labels = torch.full((len(detections),), CAR)
    instances = {"masks": masks, "scores": scores, "labels": labels}
    metric.process(None, [{"img_id": "ulm_000000_000019", "pred_instances": instances}])
    return metric.evaluate(1)


def test_a_found_car(tmp_path):
    metric = make(tmp_path, {(0, 20): 26001})
    assert evaluate(metric, (0, 20, 0.9)) == {"AP": 100, "AP50": 100}
    assert np.isnan(metric.matrix[:CAR]).all()
    assert metric.by_class["objects"].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert metric.by_image()["AP"].tolist() == [100]


def test_an_iou_of_the_threshold_itself_finds_nothing(tmp_path):
    assert evaluate(make(tmp_path, {(0, 20): 26001}), (0, 10, 0.9)) == {"AP": 0, "AP50": 0}


def test_the_best_of_two_finds_the_car_and_the_other_is_wrong(tmp_path):
    """Which of them lies better plays no part."""
    found = evaluate(make(tmp_path, {(0, 20): 26001, (40, 60): 26002}), (0, 20, 0.6), (0, 16, 0.9))
    # Points of the curve (recall, precision): (.5, .5), (.5, 1), (0, 1); each is worth half its neighbours' distance.
    assert found["AP50"] == pytest.approx(100 * (0.5 * 0 + 1 * 0.25 + 1 * 0.25))


@pytest.mark.parametrize(
    ("rest", "ignored"),
    [(3, True), (26, True), (24, False), (0, True), (26002, False), (29001, False)],
    ids=["void", "crowd", "crowd of persons", "unlabelled", "another car", "a caravan"],
)
def test_what_lies_in_void_or_crowd_is_not_wrong(tmp_path, rest, ignored):
    metric = make(tmp_path, {(0, 20): 26001, (20, WIDTH): rest})
    alone = {"AP": 100, "AP50": 100}
    found = evaluate(metric, (0, 20, 0.5), (100, 120, 0.9))
    assert (found == alone) == ignored


def test_a_small_car_need_not_be_found_and_excuses_what_lies_on_it(tmp_path):
    rows = {(0, 20): 26001, (20, 50): 7, (50, 59): 26002, (59, WIDTH): 7}
    assert evaluate(make(tmp_path, rows), (0, 20, 0.5)) == {"AP": 100, "AP50": 100}
    assert evaluate(make(tmp_path, rows), (0, 20, 0.5), (50, 59, 0.9)) == {"AP": 100, "AP50": 100}
    assert evaluate(make(tmp_path, rows), (0, 20, 0.5), (50, 75, 0.9))["AP50"] < 100


def test_equal_scores_are_one_point_of_the_curve():
    right = np.array([True, False, True])
    assert area_under(np.array([0.5, 0.5, 0.5]), right, objects=2) == pytest.approx(2 / 3)


def test_without_an_object_there_is_no_value(tmp_path):
    assert evaluate(make(tmp_path, {(0, WIDTH): 7}), (0, 20, 0.9)) == {}


def test_nothing_predicted(tmp_path):
    assert evaluate(make(tmp_path, {(0, 20): 26001})) == {"AP": 0, "AP50": 0}


def test_bad_input(tmp_path):
    metric = make(tmp_path, {(0, 20): 26001})
    with pytest.raises(InputError, match=r"scores that are no numbers"):
        evaluate(metric, (0, 20, float("nan")))
    with pytest.raises(InputError, match=r"bonn_1_2_gtFine_instanceIds\.png does not exist"):
        metric.path_of("bonn_1_2")
    with pytest.raises(InputError, match="Category 0 of Cityscapes' evaluation is 'person', but 'bicycle'"):
        metric.dataset_meta = {"classes": tuple(THINGS)[::-1]}
    with pytest.raises(InputError, match="no value 'AP75'"):
        CityscapesAP(str(tmp_path), names={"AP75": "AP75"})
