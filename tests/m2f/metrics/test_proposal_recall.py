import json
from pathlib import Path

import numpy as np
import pytest
import torch

from m2f.errors import InputError
from m2f.metrics import ProposalRecall

SIZE = 128
THRESHOLDS = np.linspace(0.5, 0.95, 10)


def random_box(rng):
    top, left = rng.integers(0, SIZE - 24, 2)
    height, width = rng.integers(8, 64, 2)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def proposals_near(rng, objects, count):
    """Objects moved by a few pixels, and boxes anywhere; scores say nothing of their quality."""
    moved = [np.roll(objects[rng.integers(len(objects))], rng.integers(-6, 7, 2), axis=(0, 1)) for _ in range(count)]
    masks = [mask if rng.random() < 0.5 else random_box(rng) for mask in moved]
    return np.array(masks), rng.permutation(count) / count


def recall_by_loop(images, threshold):
    """COCO's greedy matching of an image's 100 best proposals: each takes the best object that is still free.

    A crowd, whose overlap is the share of the proposal inside it, may be taken by any number and does not count.
    """
    found = total = 0
    for objects, (masks, scores) in images:
        free = {index for index, (_, _, crowd) in enumerate(objects) if not crowd}
        total += len(free)
        for proposal in np.argsort(-scores, kind="stable")[:100]:
            overlaps = {index: iou(masks[proposal], objects[index][0]) for index in free}
            best = max(overlaps, key=overlaps.get, default=None)
            if best is not None and overlaps[best] >= threshold:
                free.remove(best)
                found += 1
    return found / total


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


def sample(image_id, layers):
    return {
        "img_id": image_id,
        "layers": {
            layer: {"proposals": {"masks": torch.from_numpy(masks), "scores": torch.from_numpy(scores)}}
            for layer, (masks, scores) in layers.items()
        },
    }


def evaluate(metric, samples):
    for one in samples:
        metric.process(None, [one])
    return metric.evaluate(len(samples))


def test_same_as_greedy_matching_by_loop(tmp_path, instance_truth):
    """Objects of three classes, crowds among them; 120 proposals an image, of which the best 100 count."""
    rng = np.random.default_rng(0)
    truth = [
        [(random_box(rng), int(rng.integers(3)), 0) for _ in range(6)] + [(random_box(rng), 0, 1)] for _ in range(4)
    ]
    layers = [
        {
            layer: proposals_near(rng, [mask for mask, _, _ in objects], count)
            for layer, count in ((0, 8), (1, 30), (2, 120))
        }
        for objects in truth
    ]
    samples = [sample(image_id, own) for image_id, own in enumerate(layers, start=1)]
    metrics = evaluate(ProposalRecall(instance_truth(tmp_path, truth)), samples)
    expected = {}
    for layer in (0, 1, 2):
        images = [(objects, own[layer]) for objects, own in zip(truth, layers, strict=True)]
        expected[f"AR100_layer{layer}"] = 100 * np.mean([recall_by_loop(images, one) for one in THRESHOLDS])
    assert 5 < expected["AR100_layer0"] < expected["AR100_layer1"] < expected["AR100_layer2"] < 95
    assert metrics == pytest.approx(expected)


def test_only_the_best_hundred_count(tmp_path, instance_truth):
    rng = np.random.default_rng(0)
    thing = random_box(rng)
    masks = np.array([np.zeros((SIZE, SIZE), bool)] * 100 + [thing])
    last, first = ({3: (masks, scores)} for scores in (np.linspace(1, 0, 101), np.linspace(0, 1, 101)))
    path = instance_truth(tmp_path, [[(thing, 1, 0)]])
    assert evaluate(ProposalRecall(path), [sample(1, last)]) == {"AR100_layer3": 0}
    assert evaluate(ProposalRecall(path), [sample(1, first)]) == pytest.approx({"AR100_layer3": 100})


def test_without_objects_there_is_no_value(tmp_path, instance_truth):
    proposals = {0: (np.ones((1, SIZE, SIZE), bool), np.ones(1))}
    assert evaluate(ProposalRecall(instance_truth(tmp_path, [[]])), [sample(1, proposals)]) == {}


def test_image_without_ground_truth(tmp_path, instance_truth):
    proposals = {0: (np.ones((1, SIZE, SIZE), bool), np.ones(1))}
    with pytest.raises(InputError, match="no ground truth for image 8"):
        evaluate(ProposalRecall(instance_truth(tmp_path, [[]])), [sample(8, proposals)])


def test_objects_of_stuff_are_none_to_be_found(tmp_path, instance_truth):
    top, bottom = np.zeros((2, SIZE, SIZE), bool)
    top[:64], bottom[64:] = True, True
    path = Path(instance_truth(tmp_path, [[(top, 0, 0), (bottom, 1, 0)]]))
    truth = json.loads(path.read_text())
    truth["categories"] = [{"id": 3, "name": "cup"}, {"id": 7, "name": "wall", "isthing": 0}]
    truth["annotations"][0]["category_id"], truth["annotations"][1]["category_id"] = 3, 7
    path.write_text(json.dumps(truth))
    metric = ProposalRecall(str(path))
    proposals = {"masks": torch.from_numpy(top[None]), "scores": torch.tensor([0.9])}
    metric.process(None, [{"img_id": 1, "layers": {0: {"proposals": proposals}}}])
    assert metric.evaluate(1)["AR100_layer0"] == pytest.approx(100)
