"""What the metrics know of each image is what they say of that image alone."""

import math

import numpy as np
import pytest
import torch

from m2f.metrics import InstanceAP, MeanIoU, PanopticQuality

PERSON, CAR, SKY = range(3)


def alone_and_together(make, samples, name):
    """The metric's value of each image evaluated alone, and what it knows of each after evaluating all."""
    alone = []
    for sample in samples:
        metric = make()
        metric.process(None, [sample])
        alone.append(metric.evaluate(1).get(name, math.nan))
    metric = make()
    metric.process(None, samples)
    together = metric.evaluate(len(samples))
    return alone, metric.by_image(), together


def test_panoptic_quality(tmp_path, panoptic_truth, dataset_meta):
    generator = np.random.default_rng(0)
    maps = [np.repeat(np.repeat(generator.integers(1, 4, (3, 3)), 6, 0), 6, 1).astype(np.int32) for _ in range(4)]
    void = np.zeros((18, 18), np.int32)
    category = {1: 3, 2: 7, 3: 20}
    truth = [(own, [{"id": i, "category_id": category[i]} for i in np.unique(own).tolist()]) for own in maps]
    arguments = panoptic_truth(tmp_path, [*truth, (void, [])])
    samples = []
    for image_id, own in enumerate([*maps, void], start=1):
        predicted = np.roll(own, image_id - 1, axis=1)
        segments = [{"id": i, "label": (PERSON, CAR, SKY)[i - 1]} for i in np.unique(predicted).tolist() if i]
        data = {"data": torch.from_numpy(predicted)[None]}
        samples.append({"img_id": image_id, "pred_panoptic_seg": data, "segments_info": segments})
    alone, found, together = alone_and_together(lambda: PanopticQuality(**arguments), samples, "PQ")
    assert found["PQ"].tolist() == pytest.approx(alone, nan_ok=True)
    assert alone[0] == 100 and math.isnan(alone[-1])
    assert 0 < together["PQ"] < 100


@pytest.mark.parametrize("names", [None, {"AP": "AP_pan_th"}])
def test_average_precision(tmp_path, instance_truth, names):
    masks = torch.zeros(3, 128, 128, dtype=torch.bool)
    masks[0, :40, :40] = masks[1, 60:, 60:] = masks[2, :40, 60:] = True
    left, right, other = masks.numpy()
    path = instance_truth(tmp_path, [[(left, 2, 0), (right, 0, 0)], [(left, 2, 0), (other, 2, 0)], []])
    shifted = masks.roll(4, dims=2)
    instances = {"masks": shifted, "labels": torch.tensor([2, 0, 2]), "scores": torch.tensor([0.9, 0.8, 0.7])}
    samples = [{"img_id": image_id, "pred_instances": instances} for image_id in (2, 3, 1)]
    name = "AP" if names is None else names["AP"]
    alone, found, together = alone_and_together(lambda: InstanceAP(path, boundary=False, names=names), samples, name)
    assert found[name].tolist() == pytest.approx(alone, nan_ok=True)
    assert math.isnan(alone[1]) and len({round(alone[0], 6), round(alone[2], 6), round(together[name], 6)}) == 3


def test_a_metric_without_ap_knows_nothing_of_images(tmp_path, instance_truth):
    mask = torch.ones(1, 128, 128, dtype=torch.bool)
    path = instance_truth(tmp_path, [[(mask[0].numpy(), 2, 0)]])
    metric = InstanceAP(path, boundary=False, names={"AP_s": "AP_s"})
    instances = {"masks": mask, "labels": torch.tensor([2]), "scores": torch.tensor([0.9])}
    metric.process(None, [{"img_id": 1, "pred_instances": instances}])
    metric.evaluate(1)
    assert metric.by_image() == {}


def test_mean_iou(dataset_meta):
    def make():
        metric = MeanIoU()
        metric.dataset_meta = dataset_meta
        return metric

    samples = [
        {
            "pred_sem_seg": {"data": torch.tensor(predicted)[None, None]},
            "gt_sem_seg": {"data": torch.tensor(truth, dtype=torch.uint8)[None, None]},
        }
        for predicted, truth in [
            ([0, 0, 1, 1], [0, 0, 0, 255]),
            ([1, 2, 2, 2], [1, 2, 2, 1]),
            ([3, 3, 3, 3], [255, 255, 255, 255]),
        ]
    ]
    alone, found, together = alone_and_together(make, samples, "mIoU")
    assert found["mIoU"].tolist() == pytest.approx(alone, nan_ok=True)
    assert alone[:2] == pytest.approx([100 / 3, 100 * (1 / 2 + 2 / 3) / 2])
    assert math.isnan(alone[2]) and together["mIoU"] > 0
