import json
import threading
from pathlib import Path

import cv2
import pycocotools.mask
import pytest

from m2f.data.images import read_image, read_segment_ids
from m2f.data.scene_classes import CATEGORIES
from m2f.data.scene_painting import paint
from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.errors import InputError

TINY = SceneSpec(image_size=48, splits={"train2017": 3, "val2017": 2}, seed=7)


def manifest(root):
    return json.loads((root / "manifest.json").read_text())


def test_pixels_are_the_same_on_every_machine(tmp_path):
    ensure_scenes(TINY, tmp_path / "scenes", workers=1)
    assert manifest(tmp_path / "scenes")["pixels"] == {
        "train2017": "d5886e6a7cbc0819c37222609c9cc9cf844670647f5616b1b6639725e6c115de",
        "val2017": "410238c5f31b31e536e60492b8a1942c56722b608459084afcfcf674f80933af",
    }


def test_number_of_workers_changes_nothing(tmp_path):
    spec = SceneSpec(image_size=32, splits={"train2017": 128}, seed=1)
    ensure_scenes(spec, tmp_path / "one", workers=1)
    ensure_scenes(spec, tmp_path / "two", workers=2)
    assert manifest(tmp_path / "one") == manifest(tmp_path / "two")


def test_seed_changes_the_scenes(tmp_path):
    ensure_scenes(SceneSpec(48, {"val2017": 2}, seed=0), tmp_path / "a", workers=1)
    ensure_scenes(SceneSpec(48, {"val2017": 2}, seed=1), tmp_path / "b", workers=1)
    assert manifest(tmp_path / "a")["pixels"] != manifest(tmp_path / "b")["pixels"]


def test_existing_scenes_are_reused(tmp_path):
    root = tmp_path / "scenes"
    ensure_scenes(TINY, root, workers=1)
    calls = []
    ensure_scenes(TINY, root, workers=1, progress=lambda done, total: calls.append(done))
    assert not calls


def test_progress_counts_all_scenes(tmp_path):
    calls = []
    ensure_scenes(TINY, tmp_path / "scenes", workers=1, progress=lambda *call: calls.append(call))
    assert calls == [(done, 5) for done in range(1, 6)]


def test_other_scenes_are_not_overwritten(tmp_path):
    root = tmp_path / "scenes"
    ensure_scenes(TINY, root, workers=1)
    before = manifest(root)
    with pytest.raises(InputError, match="other scenes"):
        ensure_scenes(SceneSpec(64, TINY.splits, TINY.seed), root, workers=1)
    assert manifest(root) == before


def test_foreign_directory_is_not_touched(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(InputError, match=r"no manifest\.json"):
        ensure_scenes(TINY, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_scenes_that_lost_files_are_reported_and_left_alone(tmp_path):
    root = tmp_path / "scenes"
    ensure_scenes(TINY, root)
    lost = sorted(root.glob("annotations/panoptic_*/*.png"))[0]
    lost.unlink()
    with pytest.raises(InputError, match=rf"lacks 1 of its files, .*{lost.name} for one; remove it and run again"):
        ensure_scenes(TINY, root)
    assert not lost.exists()


def test_cut_off_manifest_is_reported(tmp_path):
    root = tmp_path / "scenes"
    ensure_scenes(TINY, root, workers=1)
    (root / "manifest.json").write_text('{"spec": {')
    with pytest.raises(InputError, match=r"manifest\.json"):
        ensure_scenes(TINY, root, workers=1)


def test_interrupted_generation_leaves_nothing_half_written(tmp_path):
    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    root = tmp_path / "scenes"
    with pytest.raises(KeyboardInterrupt):
        ensure_scenes(TINY, root, workers=1, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == [".scenes.lock"]
    ensure_scenes(TINY, root, workers=1)
    assert manifest(root)["spec"] == TINY.as_dict()


def test_of_two_that_race_one_generates(tmp_path):
    calls = []
    threads = [
        threading.Thread(target=ensure_scenes, args=(TINY, tmp_path / "scenes", 1, lambda *call: calls.append(call)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 5


@pytest.fixture(scope="module")
def crowded_root(tmp_path_factory):
    """Enough scenes that crowds and void occur."""
    root = tmp_path_factory.mktemp("crowded") / "scenes"
    ensure_scenes(SceneSpec(image_size=64, splits={"val2017": 40}, seed=0), root, workers=1)
    return root


def test_files_hold_what_was_painted(crowded_root):
    for index in range(5):
        scene, name = paint(0, "val2017", index, 64), f"{index + 1:012d}.png"
        assert (read_image(crowded_root / "val2017" / name) == scene.image[:, :, ::-1]).all()
        assert (read_segment_ids(crowded_root / "annotations/panoptic_val2017" / name) == scene.segment_map).all()


def test_annotation_files_agree(crowded_root):
    """Panoptic PNG, instance RLE, semantic PNG and JSON numbers describe the same pixels."""
    directory = crowded_root / "annotations"
    panoptic = json.loads((directory / "panoptic_val2017.json").read_text())
    instances = json.loads((directory / "instances_val2017.json").read_text())
    labels = {category["id"]: label for label, category in enumerate(panoptic["categories"])}
    things = {category["id"] for category in panoptic["categories"] if category["isthing"]}
    crowds = voids = compared = 0
    for annotation in panoptic["annotations"]:
        segment_map = read_segment_ids(directory / "panoptic_val2017" / annotation["file_name"])
        semantic = cv2.imread(str(directory / "semantic_val2017" / annotation["file_name"]), cv2.IMREAD_UNCHANGED)
        assert ((semantic == 255) == (segment_map == 0)).all()
        voids += (segment_map == 0).any()
        codes = {
            (instance["category_id"], *instance["bbox"], instance["area"]): instance
            for instance in instances["annotations"]
            if instance["image_id"] == annotation["image_id"]
        }
        for segment in annotation["segments_info"]:
            mask = segment_map == segment["id"]
            assert (semantic[mask] == labels[segment["category_id"]]).all()
            assert segment["area"] == mask.sum() > 0
            left, top, width, height = segment["bbox"]
            assert mask[top : top + height, left : left + width].sum() == segment["area"]
            if segment["category_id"] in things:
                instance = codes.pop((segment["category_id"], *segment["bbox"], segment["area"]))
                assert (pycocotools.mask.decode(instance["segmentation"]).astype(bool) == mask).all()
                assert instance["iscrowd"] == segment["iscrowd"]
                crowds += segment["iscrowd"]
                compared += 1
        assert not codes
    assert compared > 100
    assert crowds > 0
    assert voids > 0


def test_instance_ids_are_unique_and_categories_have_gaps(crowded_root):
    instances = json.loads((crowded_root / "annotations/instances_val2017.json").read_text())
    identities = [instance["id"] for instance in instances["annotations"]]
    assert len(set(identities)) == len(identities)
    category_ids = [category["id"] for category in CATEGORIES]
    assert len(set(category_ids)) == len(category_ids)
    assert category_ids != list(range(1, len(category_ids) + 1))


def test_unwritable_directory_is_reported(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match="cannot be written"):
        ensure_scenes(TINY, tmp_path / "locked" / "scenes")
