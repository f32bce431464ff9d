"""mmdet's interfaces and tools on a config and a checkpoint of ours, and mmseg's metric on the predictions."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import mmdet
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmdet.evaluation.functional import INSTANCE_OFFSET
from mmdet.registry import VISUALIZERS
from mmengine.registry import DefaultScope
from mmseg.evaluation import IoUMetric

import m2f.data.registered  # noqa: F401
from m2f.data.images import read_segment_ids
from m2f.registry import DATASETS, MODELS

TOOLS = Path(mmdet.__file__).parent / ".mim" / "tools"


@pytest.fixture(scope="module")
def config(smoke, tmp_path_factory):
    """The file of a trained model's config, whole, as a user would name one of ours."""
    path = tmp_path_factory.mktemp("config") / "panoptic.py"
    whole = smoke(**{"model.panoptic": {"score": 0.0, "overlap": 0.0}})
    whole.dump(path)
    return path


@pytest.fixture(scope="module")
def detector(config, trained):
    return init_detector(str(config), str(trained / "iter_40.pth"), device="cpu")


@pytest.fixture(scope="module")
def images(detector):
    dataset = detector.cfg.test_dataloader.dataset
    return sorted(Path(dataset.data_root, dataset.data_prefix.img).glob("*.png"))


def test_a_detector_takes_files_and_arrays(detector, config, trained, images):
    by_file = inference_detector(detector, str(images[0]))
    another = init_detector(str(config), str(trained / "iter_40.pth"), device="cpu")  # an array changes its config
    by_array = inference_detector(another, cv2.imread(str(images[0])))
    assert torch.equal(by_file.pred_panoptic_seg.sem_seg, by_array.pred_panoptic_seg.sem_seg)
    assert detector.dataset_meta["classes"][:2] == ("disk", "square"), "the checkpoint's own"
    instances = by_file.pred_instances
    assert instances.bboxes.shape == (len(instances.scores), 4)


def test_panoptic_maps_are_in_mmdets_encoding_too(detector, images):
    sample = inference_detector(detector, str(images[0]))
    codes, segments = sample.pred_panoptic_seg.sem_seg[0], sample.pred_panoptic_seg.data[0]
    assert sample.segments_info
    for info in sample.segments_info:
        [code] = codes[segments == info["id"]].unique().tolist()
        assert code % INSTANCE_OFFSET == info["label"]
        assert (code >= INSTANCE_OFFSET) == info["isthing"]
    assert (codes[segments == 0] == 10).all()


def test_the_visualizer_draws_what_was_seen(detector, images, tmp_path):
    visualizer = VISUALIZERS.build({**detector.cfg.visualizer, "name": "drawn", "save_dir": str(tmp_path)})
    visualizer.dataset_meta = detector.dataset_meta
    image = cv2.imread(str(images[0]))[..., ::-1]
    sample = inference_detector(detector, str(images[0]))
    visualizer.add_datasample("image", image, sample, draw_gt=False, out_file=str(tmp_path / "seen.png"))
    assert (cv2.imread(str(tmp_path / "seen.png"))[..., ::-1] != image).any(axis=2).mean() > 0.5


def test_the_inferencer_segments_a_picture(config, trained, images, detector):
    inferencer = DetInferencer(str(config), str(trained / "iter_40.pth"), device="cpu", show_progress=False)
    [sample] = inferencer(str(images[0]), return_datasamples=True)["predictions"]
    expected = inference_detector(detector, str(images[0]))
    assert torch.equal(sample.pred_panoptic_seg.sem_seg, expected.pred_panoptic_seg.sem_seg)


def test_mmdets_script_tests_our_config(monkeypatch, config, trained, tmp_path):
    words = ["test.py", config, trained / "iter_40.pth", "--work-dir", tmp_path]
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    runpy.run_path(str(TOOLS / "test.py"), run_name="__main__")
    [log] = tmp_path.rglob("*.log")
    pq = json.loads((trained / "history.json").read_text())[-1]["metrics"]["PQ"]
    assert f"PQ: {pq:.4f}" in log.read_text(), "what the training's own evaluation measured"


def test_mmdets_script_trains_our_config(monkeypatch, config, tmp_path):
    short = ["train_cfg.max_iters=1", "train_cfg.val_interval=1"]
    words = ["train.py", config, "--work-dir", tmp_path, "--cfg-options", *short]
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    runpy.run_path(str(TOOLS / "train.py"), run_name="__main__")
    assert (tmp_path / "iter_1.pth").is_file()
    [log] = tmp_path.rglob("scalars.json")
    trained, evaluated = (json.loads(line) for line in log.read_text().splitlines())
    terms = [value for name, value in trained.items() if "loss_" in name]
    assert len(terms) == 3 * 4 and sum(terms) == pytest.approx(trained["loss"], rel=1e-4)
    assert "PQ" in evaluated


def test_mmsegs_metric_measures_what_ours_does(detector, images, trained):
    dataset = DATASETS.build(detector.cfg.val_dataloader.dataset)
    metric = IoUMetric(iou_metrics=["mIoU"])
    metric.dataset_meta = {"classes": detector.dataset_meta["classes"]}
    for index, image in enumerate(images):
        sample = inference_detector(detector, str(image))
        info = dataset.get_data_info(index)
        truth = truth_of(info)
        metric.process({}, [{"pred_sem_seg": {"data": sample.pred_sem_seg.data}, "gt_sem_seg": {"data": truth[None]}}])
    measured = metric.evaluate(len(images))["mIoU"]
    ours = json.loads((trained / "history.json").read_text())[-1]["metrics"]["mIoU_pan"]
    assert measured == pytest.approx(ours, abs=0.01)


def truth_of(info):
    segments = read_segment_ids(info["seg_map_path"])
    truth = np.full(segments.shape, 255, np.int64)
    pairs = zip(
        (*info["segment_ids"], *info["crowd_ids"]), (*info["segment_labels"], *info["crowd_labels"]), strict=True
    )
    for number, label in pairs:
        truth[segments == number] = label
    return torch.from_numpy(truth)


@pytest.mark.parametrize("task", ["instance", "panoptic"])
def test_a_model_of_ours_learns_from_mmdets_own_data_sets(smoke, task):
    if task == "panoptic":
        pytest.importorskip("panopticapi", reason="mmdet reads panoptic PNGs by it")
    own = smoke(task)
    dataset = own.train_dataloader.dataset.dataset
    masks = {"type": "mmdet.LoadAnnotations", "with_bbox": True, "with_mask": True}
    theirs = {
        "type": "mmdet.CocoDataset" if task == "instance" else "mmdet.CocoPanopticDataset",
        "data_root": dataset.data_root,
        "ann_file": dataset.ann_file,
        "data_prefix": dataset.data_prefix,
        "metainfo": {"classes": ("disk", "square", "triangle", "ring", "cross", "bar")},
        "pipeline": [
            {"type": "LoadImageFromFile"},
            masks if task == "instance" else {"type": "mmdet.LoadPanopticAnnotations"},
            {"type": "mmdet.PackDetInputs"},
        ],
    }
    if task == "panoptic":
        names = ("disk", "square", "triangle", "ring", "cross", "bar")
        stuff = tuple(DATASETS.build(own.val_dataloader.dataset).metainfo["stuff_classes"])
        theirs["metainfo"] = {"classes": names + stuff, "thing_classes": names, "stuff_classes": stuff}
    with DefaultScope.overwrite_default_scope("mmdet"):
        built = DATASETS.build(theirs)
    model = MODELS.build(own.model)
    batch = model.data_preprocessor({key: [built[0][key], built[1][key]] for key in ("inputs", "data_samples")}, True)
    losses = model(**batch, mode="loss")
    losses["loss"].backward()
    assert losses["loss"] > 0 and model.transformer_decoder.classifier.weight.grad.abs().sum() > 0
