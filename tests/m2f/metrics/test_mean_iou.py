import numpy as np
import pytest
import torch

from m2f.errors import InputError
from m2f.metrics import MeanIoU, PanopticMeanIoU


def semantic_sample(predicted, truth):
    return {
        "pred_sem_seg": {"data": torch.tensor(predicted)[None]},
        "gt_sem_seg": {"data": torch.tensor(truth, dtype=torch.uint8)[None]},
    }


def evaluate(metric, samples):
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def test_mean_iou_by_hand(dataset_meta):
    """Areas are summed over images first; 255 does not count; a class that nowhere occurs has no part in the mean."""
    metric = MeanIoU()
    metric.dataset_meta = dataset_meta
    first = semantic_sample([[0, 0, 1, 1]], [[0, 0, 0, 1]])
    second = semantic_sample([[0, 1, 2, 2]], [[0, 1, 255, 0]])
    # class 0: 3 of 5, class 1: 2 of 3, class 2: 0 of 1, class 3 nowhere
    assert evaluate(metric, [first, second]) == pytest.approx({"mIoU": 100 * (3 / 5 + 2 / 3 + 0) / 3})


def test_areas_beyond_float32_are_exact(dataset_meta):
    metric = MeanIoU()
    metric.dataset_meta = dataset_meta
    whole, pixel, none = (torch.tensor([area], dtype=torch.float32) for area in (2.0**24, 1.0, 0.0))
    results = [(whole, whole, whole, whole), *[(none, pixel, pixel, none)] * 1000]
    assert metric.compute_metrics(results)["mIoU"] == pytest.approx(100 * 2**24 / (2**24 + 1000), abs=1e-9)


@pytest.fixture
def metric(tmp_path, panoptic_truth, dataset_meta):
    """Two adjacent persons, a crowd of cars and two pixels of void."""
    segment_ids = np.array([[1, 1, 70000, 70000], [5, 9, 0, 0]], np.int32)
    segments = [
        {"id": 1, "category_id": 3},
        {"id": 5, "category_id": 3},
        {"id": 70000, "category_id": 7, "iscrowd": 1},
        {"id": 9, "category_id": 20},
    ]
    metric = PanopticMeanIoU(**panoptic_truth(tmp_path, [(segment_ids, segments)]))
    metric.dataset_meta = dataset_meta
    return metric


def panoptic_sample(image_id, predicted):
    return {"img_id": image_id, "pred_sem_seg": {"data": torch.tensor(predicted)[None]}}


def test_areas_against_panoptic_truth(metric):
    """The ground truth's labels are [[0, 0, 1, 1], [0, 2, void, void]]."""
    intersection, union, predicted, truth = metric.areas(1, np.array([[0, 0, 0, 1], [3, 2, 0, 3]]))
    assert intersection.tolist() == [2, 1, 1, 0]
    assert union.tolist() == [4, 2, 1, 1]
    assert predicted.tolist() == [3, 1, 1, 1]
    assert truth.tolist() == [3, 2, 1, 0]


def test_mean_iou_of_a_panoptic_model_by_hand(metric):
    # person 3 of 3, car 1 of 2, sky 1 of 2 (the pixel on the car), void is free
    assert evaluate(metric, [panoptic_sample(1, [[0, 0, 1, 2], [0, 2, 3, 0]])]) == pytest.approx(
        {"mIoU_pan": 100 * (1 + 1 / 2 + 1 / 2) / 3}
    )


def test_image_without_ground_truth(metric):
    with pytest.raises(InputError, match="no ground truth for image 4"):
        metric.process(None, [panoptic_sample(4, [[0, 0, 0, 0], [0, 0, 0, 0]])])
