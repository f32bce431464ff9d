import numpy as np
import pytest
import torch

from m2f.metrics import LayerPanopticQuality, PanopticQuality

SIDE = 12


def prediction(image_id, segment_ids):
    """The label of segment s is s - 1."""
    return {
        "img_id": image_id,
        "pred_panoptic_seg": {"data": torch.from_numpy(segment_ids)[None]},
        "segments_info": [{"id": int(segment), "label": int(segment) - 1} for segment in np.unique(segment_ids)],
    }


def evaluate(metric, samples):
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def test_every_layer_has_its_own_panoptic_quality(tmp_path, panoptic_truth):
    rng = np.random.default_rng(0)
    scenes = [rng.integers(1, 5, (3, 3)).repeat(4, axis=0).repeat(4, axis=1).astype(np.int32) for _ in range(4)]
    segments = [{"id": label + 1, "category_id": category} for label, category in enumerate([3, 7, 20, 21])]
    truth = [(scene, [segment for segment in segments if segment["id"] in scene]) for scene in scenes]
    arguments = panoptic_truth(tmp_path, truth)

    layers = {}
    for layer, noise in ((1, 0.4), (2, 0.2), (3, 0.0)):
        spoiled = [
            np.where(rng.random((SIDE, SIDE)) < noise, rng.integers(1, 5, (SIDE, SIDE)), scene).astype(np.int32)
            for scene in scenes
        ]
        layers[layer] = [prediction(image_id, one) for image_id, one in enumerate(spoiled, start=1)]
    samples = [{"layers": {layer: layers[layer][image] for layer in layers}} for image in range(len(scenes))]
    metrics = evaluate(LayerPanopticQuality(**arguments), samples)

    assert metrics == {
        f"PQ_layer{layer}": evaluate(PanopticQuality(**arguments), predictions)["PQ"]
        for layer, predictions in layers.items()
    }
    assert metrics["PQ_layer1"] < metrics["PQ_layer2"] < metrics["PQ_layer3"] == pytest.approx(100)


def test_without_segments_there_is_no_value(tmp_path, panoptic_truth):
    void = np.zeros((SIDE, SIDE), np.int32)
    nothing = prediction(1, void) | {"segments_info": []}
    assert evaluate(LayerPanopticQuality(**panoptic_truth(tmp_path, [(void, [])])), [{"layers": {0: nothing}}]) == {}
