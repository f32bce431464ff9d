"""Pictures segmented by a checkpoint alone, beside what its evaluation predicts."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import m2f
from m2f.checkpoints import convert, read_checkpoint
from m2f.checkpoints.architecture import BACKBONES, Architecture
from m2f.checkpoints.trained_as import read_trained_as, write_trained_as
from m2f.data.images import read_image
from m2f.engine.evaluate import evaluation_runner, load_model
from m2f.engine.predict_files import predict_files
from m2f.errors import InputError


@pytest.fixture(scope="module")
def checkpoint(trained):
    return trained / "iter_40.pth"


@pytest.fixture(scope="module")
def segmenter(checkpoint):
    return m2f.load(checkpoint)


@pytest.fixture(scope="module")
def images(smoke):
    """Paths of the images on which the model was evaluated."""
    dataset = smoke().val_dataloader.dataset
    directory = f"{dataset.data_root}{dataset.data_prefix.img}"
    return sorted(Path(directory).glob("*.png"))


@pytest.fixture(scope="module")
def evaluated(smoke, checkpoint, tmp_path_factory):
    """The predictions of the evaluation's runner, in the order of the images."""
    config = smoke(**{"model.panoptic": {"score": 0.0, "overlap": 0.0}})
    runner = evaluation_runner(config, tmp_path_factory.mktemp("evaluated"))
    load_model(runner, checkpoint)
    runner.model.eval()
    with torch.no_grad():
        return [sample for batch in runner.val_dataloader for sample in runner.model.val_step(batch)]


def test_the_checkpoint_alone_predicts_what_its_evaluation_does(segmenter, images, evaluated):
    assert (segmenter.task, segmenter.classes[:2]) == ("panoptic", ("disk", "square"))
    found = segmenter.predict_all(images[:3])
    for ours, sample in zip(found, evaluated, strict=False):
        assert np.array_equal(ours.segments, sample.pred_panoptic_seg.data[0])
        assert ours.segments_info == sample.segments_info and ours.segments_info
        assert np.array_equal(ours.semantic, sample.pred_sem_seg.data[0])
        assert np.array_equal(ours.masks, sample.pred_instances.masks)
        assert np.array_equal(ours.boxes, sample.pred_instances.bboxes)
        assert ours.picture.shape == (*ours.segments.shape, 3)


def test_an_array_is_what_its_file_is(segmenter, images):
    pixels = np.asarray(Image.open(images[0]).convert("RGB"))
    by_array, by_file = segmenter.predict(pixels), segmenter.predict(str(images[0]))
    assert np.array_equal(by_array.segments, by_file.segments)
    assert np.array_equal(by_array.picture, by_file.picture)


def test_the_picture_shows_the_image_where_nothing_was_seen(segmenter, images):
    found = segmenter.predict(images[0])
    image = read_image(images[0])[:, :, ::-1]
    unseen = found.segments == 0
    changed = (found.picture != image).any(axis=2)
    assert changed[~unseen].mean() > 0.9


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8), None]
)
def test_no_picture_is_refused(segmenter, image):
    with pytest.raises(InputError, match=r"A picture must be a file or an array of uint8 \[H, W, 3\] in RGB, not "):
        segmenter.predict(image)


@pytest.mark.parametrize(("task", "parts"), [("instance", ("masks",)), ("semantic", ("semantic",))])
def test_a_panoptic_model_answers_all_tasks(checkpoint, images, task, parts):
    found = m2f.load(checkpoint, task=task).predict(images[0])
    given = {name for name in ("segments", "masks", "semantic") if getattr(found, name) is not None}
    assert given == set(parts)


def test_what_a_model_cannot_answer_is_told(checkpoint, tmp_path):
    state = torch.load(checkpoint, weights_only=False)
    write_trained_as(state["meta"], {**read_trained_as(checkpoint), "task": "instance"})
    torch.save(state, tmp_path / "instance.pth")
    with pytest.raises(InputError, match="is a model of instance segmentation; leave out the task 'semantic'"):
        m2f.load(tmp_path / "instance.pth", task="semantic")
    with pytest.raises(InputError, match="There is no device 'cuda:99' here"):
        m2f.load(checkpoint, device="cuda:99")


def test_nothing_is_fetched_or_read_but_the_checkpoint(checkpoint, images, segmenter, tmp_path):
    known = read_trained_as(checkpoint)
    known["model"]["backbone"]["init_cfg"] = {"type": "Pretrained", "checkpoint": str(tmp_path / "none.pth")}
    state = torch.load(checkpoint, weights_only=False)
    write_trained_as(state["meta"], known)
    torch.save(state, tmp_path / "named.pth")
    assert np.array_equal(
        m2f.load(tmp_path / "named.pth").predict(images[0]).semantic, segmenter.predict(images[0]).semantic
    )


def test_what_builds_no_model_is_told(checkpoint, tmp_path):
    state = torch.load(checkpoint, weights_only=False)
    for change in ({"num_things": -1}, {"backbone": None}, {"nothing": 1}):
        known = read_trained_as(checkpoint)
        write_trained_as(state["meta"], {**known, "model": {**known["model"], **change}})
        torch.save(state, tmp_path / "odd.pth")
        with pytest.raises(InputError, match=r"The model of \S+odd\.pth cannot be built .*--config"):
            m2f.load(tmp_path / "odd.pth")


@pytest.fixture(scope="module")
def silent(checkpoint, tmp_path_factory):
    """The same weights in a file that says nothing of its model."""
    path = tmp_path_factory.mktemp("silent") / "weights.pth"
    torch.save({"state_dict": read_checkpoint(checkpoint)[0]}, path)
    return path


def test_a_checkpoint_that_says_nothing_takes_a_config(silent, images, smoke, tmp_path, segmenter):
    with pytest.raises(InputError, match="does not say how its model is built, and it is none of the paper's"):
        m2f.load(silent)
    found = m2f.load(silent, config="configs/smoke/panoptic.py")
    assert found.classes[0] == "class 0"
    known = found.predict(images[0])
    assert np.array_equal(known.semantic, segmenter.predict(images[0]).semantic)
    with pytest.raises(InputError, match=r"none\.py"):
        m2f.load(silent, config="none.py")
    shutil.copy(silent, tmp_path / "short.pth")
    with pytest.raises(InputError, match=r"short\.pth cannot be loaded: "):
        m2f.load(tmp_path / "short.pth", config="configs/paper/panoptic.py")


@pytest.mark.parametrize(("target", "suffix"), [("mmdet", ".pth"), ("transformers", "")])
def test_models_of_the_paper_are_known_by_their_tensors(tmp_path, target, suffix):
    architecture = Architecture(BACKBONES[0], classes=133, queries=100, encoder_layers=6, decoder_layers=9)
    state = {name: torch.zeros_like(each, device="cpu") for name, each in architecture.tensors().items()}
    torch.save({"state_dict": state}, tmp_path / "ours.pth")
    convert(tmp_path / "ours.pth", tmp_path / f"theirs{suffix}", target_format=target)
    segmenter = m2f.load(tmp_path / f"theirs{suffix}", device="cpu")
    assert (segmenter.task, segmenter.classes[0], sum(segmenter.is_thing)) == ("panoptic", "person", 80)


def test_a_model_with_as_many_classes_as_coco_keeps_its_own(tmp_path):
    architecture = Architecture(BACKBONES[0], classes=80, queries=100, encoder_layers=6, decoder_layers=9)
    state = {name: torch.zeros_like(each, device="cpu") for name, each in architecture.tensors().items()}
    names = tuple(f"part {number}" for number in range(80))
    torch.save({"state_dict": state, "meta": {"dataset_meta": {"classes": names}}}, tmp_path / "ours.pth")
    convert(tmp_path / "ours.pth", tmp_path / "theirs", target_format="transformers")
    assert m2f.load(tmp_path / "theirs", device="cpu").classes == names


def test_files_are_segmented_into_a_directory(segmenter, images, evaluated, tmp_path):
    told = []
    out = tmp_path / "out"
    count = predict_files(segmenter, [images[0].parent], out, batch=3, progress=lambda *done: told.append(done))
    assert count == 8 and told == [(0, 8), (3, 8), (6, 8), (8, 8)]
    written = json.loads((out / "panoptic.json").read_text())["annotations"]
    assert [entry["image_id"] for entry in written] == [sample.img_id for sample in evaluated]
    assert len(json.loads((out / "instances.json").read_text())) > 0
    assert len(list((out / "semantic").glob("*.png"))) == 8
    overlays = sorted((out / "overlays").glob("*.jpg"))
    assert [path.stem for path in overlays] == [path.stem for path in images]
    assert Image.open(overlays[0]).size == Image.open(images[0]).size
    named = json.loads((out / "categories.json").read_text())
    assert named[0] == {"id": segmenter.category_ids[0], "name": "disk", "isthing": 1}


def test_no_two_files_have_one_id(segmenter, images, tmp_path):
    """Detections would merge, and no evaluation could part them."""
    for name in ("a/1.png", "b/1.png", "7.png", "007.png", "8.png", "street.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(images[0], tmp_path / "photos" / name)
    predict_files(segmenter, [tmp_path / "photos"], tmp_path / "out")
    listed = json.loads((tmp_path / "out" / "images.json").read_text())
    ids = {"a/1.png": "a/1", "b/1.png": "b/1", "7.png": "7", "007.png": "007", "8.png": 8, "street.png": "street"}
    assert {entry["file_name"]: entry["id"] for entry in listed} == ids
    written = json.loads((tmp_path / "out" / "panoptic.json").read_text())["annotations"]
    assert [entry["image_id"] for entry in written] == [entry["id"] for entry in listed]


def test_what_cannot_be_segmented_is_told_before_anything_is(segmenter, images, tmp_path, monkeypatch):
    broken = tmp_path / "broken.png"
    broken.write_bytes(images[0].read_bytes()[:100])
    deep, huge = tmp_path / "deep.png", tmp_path / "huge.png"
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(deep)
    content = images[0].read_bytes()
    huge.write_bytes(content[:16] + 2 * (2**16).to_bytes(4) + content[24:])
    monkeypatch.setattr(segmenter, "samples", None)
    for places, sentence in (
        ([tmp_path / "none"], "none does not exist; name images"),
        ([images[0], broken], r"broken\.png is not a whole image: it is cut off"),
        ([images[0], deep], r"deep\.png has 16 bits a channel; convert it to 8"),
        ([images[0], huge], r"huge\.png says that it is \(65536, 65536\) pixels high and wide, which no image is"),
        ([images[0], shutil.copy(images[0], tmp_path)], "would be written under the same name"),
    ):
        with pytest.raises(InputError, match=sentence):
            predict_files(segmenter, [Path(place) for place in places], tmp_path / "out")
        assert not (tmp_path / "out").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty has no image"):
        predict_files(segmenter, [tmp_path / "empty"], tmp_path / "out")
