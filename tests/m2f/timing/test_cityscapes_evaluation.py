"""Cityscapes' metrics beside panopticapi's algorithm, and beside cityscapesScripts where that is installed."""

import importlib.util

import numpy as np
import pytest

from m2f.data.images import read_instance_ids
from m2f.errors import InputError
from m2f.timing import cityscapes_evaluation
from m2f.timing.cityscapes_evaluation import Clock, Predictions, compare_cityscapes, write_truth

INSTALLED = importlib.util.find_spec("cityscapesscripts") is not None


@pytest.fixture
def predictions(tmp_path, monkeypatch):
    """Of two small frames, with six masks each, already processed."""
    monkeypatch.setattr(cityscapes_evaluation, "LARGER", 1)
    found = Predictions(write_truth(tmp_path, 2, 0), 6, np.random.default_rng(0))
    for sample in found.samples():
        for metric in found.metrics.values():
            metric.process(None, [sample])
    return found


def test_the_frames_are_of_cityscapes_size():
    assert cityscapes_evaluation.frame(0, 0).shape == (1024, 2048)


def test_pq_is_panopticapis_and_is_timed(predictions):
    speed = predictions.race("PQ", Clock())
    assert (speed.peer, speed.images) == ("panopticapi", 2)
    assert speed.difference < 1e-9
    assert speed.theirs > 0 and speed.ours > 0


def test_predictions_are_neither_the_truth_nor_far_from_it(predictions):
    for name, (least, most) in {"AP": (1, 99), "mIoU": (20, 99)}.items():
        metric = predictions.metrics[name]
        assert least < metric.compute_metrics(metric.results)[name] < most


def test_peers_find_a_file_for_each_mask(predictions):
    for annotation in predictions.annotations:
        lines = (predictions.root / f"{annotation['image_id']}.txt").read_text().splitlines()
        assert len(lines) == 6
        for line in lines:
            path, label_id, score = line.split(" ")
            assert (predictions.root / path).is_file() and 24 <= int(label_id) <= 33 and 0 <= float(score) < 1
    for path in predictions.truth.maps("instanceIds"):
        assert read_instance_ids(path, (256, 512)).max() >= 24000


@pytest.mark.skipif(INSTALLED, reason="cityscapesscripts is installed")
def test_without_cityscapes_scripts_it_says_so_at_once():
    with pytest.raises(InputError, match=r"m2f\[bench\]"):
        compare_cityscapes(1, 1)


@pytest.mark.skipif(not INSTALLED, reason="cityscapesscripts is not installed")
@pytest.mark.parametrize("name", ["AP", "mIoU"])
def test_numbers_are_those_of_cityscapes_scripts(predictions, name):
    assert predictions.race(name, Clock()).difference < 1e-9
