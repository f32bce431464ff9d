import json
from pathlib import Path

import numpy as np
import pycocotools.mask
import pytest
import torch
from scipy.ndimage import distance_transform_cdt

from m2f.errors import InputError
from m2f.metrics import InstanceAP

GOLDEN = {
    "AP": 0.31954528,
    "AP50": 0.56228840,
    "AP75": 0.29892653,
    "AP_s": 0.38737403,
    "AP_m": 0.31018272,
    "AP_l": 0.32693391,
}
SIZE = 128


def sample(image_id, masks, labels, scores):
    return {
        "img_id": image_id,
        "pred_instances": {
            "masks": torch.from_numpy(np.asarray(masks, dtype=bool)),
            "labels": torch.tensor(labels, dtype=torch.int64),
            "scores": torch.tensor(scores, dtype=torch.float64),
        },
    }


def test_things_need_not_come_first_nor_have_the_names_of_the_truth(tmp_path, instance_truth):
    truth = json.loads(
        Path(instance_truth(tmp_path, [[(box(0, 0, 64, 64), 0, 0), (box(64, 0, 64, 64), 1, 0)]])).read_text()
    )
    truth["categories"] = [{"id": 3, "name": "windowpane"}, {"id": 7, "name": "door"}]
    (tmp_path / "instances.json").write_text(json.dumps(truth))
    metric = InstanceAP(str(tmp_path / "instances.json"), boundary=False, by_id=True)
    names = {"classes": ["wall", "window ", "sky", "door"], "thing_classes": ["window ", "door"]}
    with pytest.raises(InputError, match=r"has the categories \[3, 7\], but the data set \[3, 8\]"):
        metric.dataset_meta = {**names, "thing_ids": [3, 8]}
    metric.dataset_meta = {**names, "thing_ids": [3, 7]}
    found = sample(1, [box(0, 0, 64, 64), box(64, 0, 64, 64)], [1, 3], [0.9, 0.8])
    assert evaluate(metric, [found])["AP"] == pytest.approx(100)


def box(top, left, height, width):
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def evaluate(metric, samples):
    for one in samples:
        metric.process(None, [one])
    return metric.evaluate(len(samples))


def test_cocos_own_results(shared):
    golden = shared / "golden/cocoapi"
    results = json.loads((golden / "instances_val2014_fakesegm100_results.json").read_text())
    metric = InstanceAP(str(golden / "instances_val2014_100.json"), boundary=False)
    labels = {category["id"]: label for label, category in enumerate(metric.truth["categories"])}
    samples = []
    for image in metric.truth["images"]:
        own = [result for result in results if result["image_id"] == image["id"]]
        masks = [pycocotools.mask.decode(result["segmentation"]) for result in own]
        samples.append(
            sample(
                image["id"],
                masks or np.zeros((0, image["height"], image["width"])),
                [labels[result["category_id"]] for result in own],
                [result["score"] for result in own],
            )
        )
    metrics = evaluate(metric, samples)
    assert {name: value / 100 for name, value in metrics.items()} == pytest.approx(GOLDEN, abs=1e-8)


def boundary(mask):
    """Pixels of a mask within d of its contour, d = 2% of the image diagonal (Boundary IoU, section 4)."""
    distance = distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]
    return mask & (distance <= round(0.02 * np.hypot(*mask.shape)))


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


def test_boundary_ap_by_definition(tmp_path, instance_truth):
    """One object and one detection a class: AP of a class is the share of thresholds its overlap reaches."""
    objects = [box(10, 10, 40, 40), box(60, 0, 50, 60), box(20, 70, 21, 33)]
    detections = [box(11, 11, 40, 40), box(62, 0, 47, 58), box(20, 70, 21, 33)]
    thresholds = np.linspace(0.5, 0.95, 10)
    mask_ious = [overlap(*pair) for pair in zip(objects, detections, strict=True)]
    boundary_ious = [
        overlap(boundary(first), boundary(second)) for first, second in zip(objects, detections, strict=True)
    ]
    expected_mask = np.mean([np.mean(iou >= thresholds) for iou in mask_ious])
    expected_boundary = np.mean(
        [np.mean(min(pair) >= thresholds) for pair in zip(mask_ious, boundary_ious, strict=True)]
    )
    path = instance_truth(tmp_path, [[(mask, label, 0) for label, mask in enumerate(objects)]])
    metrics = evaluate(InstanceAP(path), [sample(1, detections, [0, 1, 2], [0.9, 0.8, 0.7])])
    assert expected_boundary < expected_mask < 1
    assert metrics["AP"] == pytest.approx(100 * expected_mask)
    assert metrics["AP_boundary"] == pytest.approx(100 * expected_boundary)


def test_perfect_masks_and_a_size_that_does_not_occur(tmp_path, instance_truth):
    objects = [box(0, 0, 20, 20), box(40, 40, 60, 60)]
    path = instance_truth(tmp_path, [[(mask, 0, 0) for mask in objects]])
    metrics = evaluate(InstanceAP(path), [sample(1, objects, [0, 0], [0.9, 0.8])])
    assert metrics == pytest.approx(dict.fromkeys(["AP", "AP50", "AP75", "AP_s", "AP_m", "AP_boundary"], 100))


def test_a_mask_on_a_crowd_is_not_counted(tmp_path, instance_truth):
    person, crowd = box(0, 0, 40, 40), box(60, 60, 60, 60)
    on_crowd, elsewhere = box(70, 70, 20, 20), box(0, 80, 20, 20)
    path = instance_truth(tmp_path, [[(person, 0, 0), (crowd, 0, 1)]])
    metrics = evaluate(InstanceAP(path, boundary=False), [sample(1, [on_crowd, person], [0, 0], [0.9, 0.8])])
    assert metrics["AP"] == pytest.approx(100)
    metrics = evaluate(InstanceAP(path, boundary=False), [sample(1, [elsewhere, person], [0, 0], [0.9, 0.8])])
    assert metrics["AP"] == pytest.approx(50)


def test_labels_follow_the_order_of_categories(tmp_path, instance_truth):
    path = instance_truth(tmp_path, [[(box(0, 0, 40, 40), 2, 0)]])
    right, wrong = (
        evaluate(InstanceAP(path), [sample(1, [box(0, 0, 40, 40)], [label], [0.9])])["AP"] for label in (2, 1)
    )
    assert right == pytest.approx(100)
    assert wrong == 0


def test_nothing_predicted_is_zero(tmp_path, instance_truth):
    path = instance_truth(tmp_path, [[(box(0, 0, 40, 40), 0, 0)]])
    metrics = evaluate(InstanceAP(path), [sample(1, np.zeros((0, SIZE, SIZE)), [], [])])
    assert metrics["AP"] == metrics["AP_boundary"] == 0


def test_only_evaluated_images_count(tmp_path, instance_truth):
    mask = box(0, 0, 40, 40)
    path = instance_truth(tmp_path, [[(mask, 0, 0)], [(mask, 0, 0)]])
    assert evaluate(InstanceAP(path), [sample(2, [mask], [0], [0.9])])["AP"] == pytest.approx(100)


def test_evaluating_twice_gives_the_same(tmp_path, instance_truth):
    path = instance_truth(tmp_path, [[(box(0, 0, 40, 40), 0, 0)]])
    metric = InstanceAP(path)
    samples = [sample(1, [box(2, 2, 40, 40)], [0], [0.9])]
    first = evaluate(metric, samples)
    assert 0 < first["AP"] < 100
    assert evaluate(metric, samples) == first


def test_only_named_values_are_reported(tmp_path, instance_truth):
    mask = box(0, 0, 40, 40)
    path = instance_truth(tmp_path, [[(mask, 0, 0)]])
    metric = InstanceAP(path, boundary=False, names={"AP": "AP_pan_th"})
    assert evaluate(metric, [sample(1, [mask], [0], [0.9])]) == pytest.approx({"AP_pan_th": 100})


def test_name_of_no_value(tmp_path, instance_truth):
    path = instance_truth(tmp_path, [[]])
    with pytest.raises(InputError, match="no value 'AP_boundary'"):
        InstanceAP(path, boundary=False, names={"AP_boundary": "AP_boundary"})


def test_things_are_compared_with_the_data_set(tmp_path, instance_truth):
    metric = InstanceAP(instance_truth(tmp_path, [[]]))
    things = ["class 3", "class 7", "class 9"]
    metric.dataset_meta = {"classes": [*things, "sky"], "thing_classes": things}
    assert metric.dataset_meta["thing_classes"] == things
    with pytest.raises(InputError, match="has 3 categories, but the data set has 4 classes"):
        metric.dataset_meta = {"classes": [*things, "sky"]}


def test_image_without_ground_truth(tmp_path, instance_truth):
    path = instance_truth(tmp_path, [[(box(0, 0, 40, 40), 0, 0)]])
    with pytest.raises(InputError, match="no ground truth for image 8"):
        evaluate(InstanceAP(path), [sample(8, [box(0, 0, 4, 4)], [0], [0.9])])


def test_nothing_is_printed(tmp_path, instance_truth, capfd):
    path = instance_truth(tmp_path, [[(box(0, 0, 40, 40), 0, 0)]])
    evaluate(InstanceAP(path), [sample(1, [box(0, 0, 40, 40)], [0], [0.9])])
    assert capfd.readouterr() == ("", "")


def test_a_score_that_is_no_number(shared):
    metric = InstanceAP(str(shared / "golden/cocoapi/instances_val2014_100.json"))
    with pytest.raises(InputError, match=r"prediction for image 7 has scores that are no numbers"):
        metric.process(None, [sample(7, [box(0, 0, 2, 2)], [0], [float("nan")])])


def test_objects_of_stuff_are_none_to_be_found(tmp_path, instance_truth):
    """Data sets train things alone, whatever else the file annotates."""
    path = Path(instance_truth(tmp_path, [[(box(0, 0, 64, 64), 0, 0), (box(64, 0, 64, 64), 1, 0)]]))
    truth = json.loads(path.read_text())
    truth["categories"] = [{"id": 3, "name": "cup"}, {"id": 7, "name": "wall", "isthing": 0}]
    truth["annotations"][0]["category_id"], truth["annotations"][1]["category_id"] = 3, 7
    path.write_text(json.dumps(truth))
    metric = InstanceAP(str(path))
    metric.dataset_meta = {"classes": ["cup", "wall"], "thing_classes": ["cup"]}
    metrics = evaluate(metric, [sample(1, [box(0, 0, 64, 64)], [0], [0.9])])
    assert (metrics["AP"], metrics["AP_boundary"]) == (pytest.approx(100), pytest.approx(100))
    assert metric.by_class["objects"].tolist() == [1]
