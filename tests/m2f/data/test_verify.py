import json
import shutil

import pytest

from m2f.data.images import encode_png, read_segment_ids, segment_colours
from m2f.data.verify import verify
from m2f.errors import InputError

IMAGE = "train2017/000000000002.png"
PANOPTIC_PNG = "annotations/panoptic_train2017/000000000002.png"
PANOPTIC_JSON = "annotations/panoptic_train2017.json"


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_good_scenes_have_no_problem(scenes_root):
    assert verify(scenes_root) == []


def test_good_coco_has_no_problem(coco100):
    assert verify(coco100) == []


def test_missing_directory(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        verify(tmp_path / "nowhere")


def test_directory_without_annotations(tmp_path):
    assert "neither" in verify(tmp_path)[0]


def test_missing_image_is_said_once(root):
    (root / IMAGE).unlink()
    assert verify(root) == [f"{root / IMAGE} is missing."]


def test_cut_off_image(root):
    (root / IMAGE).write_bytes((root / IMAGE).read_bytes()[:5000])
    (problem,) = verify(root)
    assert f"{root / IMAGE} is not a whole image" in problem


def test_file_that_is_no_image(root):
    (root / PANOPTIC_PNG).write_text("no image")
    (problem,) = verify(root)
    assert f"{root / PANOPTIC_PNG} is not a readable image" in problem


def test_cut_off_json(root):
    path = root / PANOPTIC_JSON
    path.write_bytes(path.read_bytes()[:300])
    (problem,) = verify(root)
    assert "panoptic_train2017.json is not whole JSON" in problem


def test_size_that_disagrees(root):
    edit(root / PANOPTIC_JSON, lambda content: content["images"][1].update(height=65))
    image, png, semantic = verify(root)
    assert semantic.startswith(str(root / "annotations/semantic_train2017/000000000002.png"))
    assert image.startswith(f"{root / IMAGE} is (64, 64) pixels high and wide, its annotations say (65, 64)")
    assert png.startswith(f"{root / PANOPTIC_PNG} is (64, 64)")


def test_segment_the_annotation_does_not_list(root):
    edit(root / PANOPTIC_JSON, lambda content: content["annotations"][1]["segments_info"].pop())
    (problem,) = verify(root)
    assert "which its annotation does not list" in problem


def test_segment_without_pixels(root):
    segment_ids = read_segment_ids(root / PANOPTIC_PNG)
    segment_ids[segment_ids == segment_ids.max()] = 0
    (root / PANOPTIC_PNG).write_bytes(encode_png(segment_colours(segment_ids), 1))
    (problem,) = verify(root)
    assert "has no pixel of segment" in problem


def test_unknown_category(root):
    def rename(content):
        content["annotations"][0]["segments_info"][0]["category_id"] = 999

    edit(root / PANOPTIC_JSON, rename)
    (problem,) = verify(root)
    assert "category 999" in problem


def test_image_without_annotation_and_annotation_without_image(root):
    edit(root / PANOPTIC_JSON, lambda content: content["annotations"][0].update(image_id=777))
    assert verify(root) == [
        f"{root / PANOPTIC_JSON} annotates image 777, which it does not list; list it, or remove its annotation.",
        f"{root / PANOPTIC_JSON} has no annotation for image 1; add it, with no segment if there is none.",
    ]


def test_checksum(scenes_root, tmp_path):
    copy = shutil.copytree(scenes_root, tmp_path / "copy")
    segment_ids = read_segment_ids(copy / PANOPTIC_PNG)
    (copy / PANOPTIC_PNG).write_bytes(encode_png(segment_colours(segment_ids), 9))
    semantic = copy / "annotations/semantic_val2017/000000000001.png"
    semantic.unlink()
    assert verify(copy) == [
        f"{copy / PANOPTIC_PNG} does not have the checksum that the manifest gives it.",
        f"{semantic} is missing.",
    ]


def test_cut_off_manifest(scenes_root, tmp_path):
    copy = shutil.copytree(scenes_root, tmp_path / "copy")
    (copy / "manifest.json").write_text("{")
    (problem,) = verify(copy)
    assert "manifest.json" in problem


def test_image_that_one_of_two_files_lists(root):
    instances = root / PANOPTIC_JSON.replace("panoptic_", "instances_")

    def without_the_first(content):
        gone = content["images"].pop(0)["id"]
        content["annotations"] = [own for own in content["annotations"] if own["image_id"] != gone]

    edit(instances, without_the_first)
    (problem,) = verify(root)
    assert problem.startswith(f"{instances} does not list image ")
    assert f", which {root / PANOPTIC_JSON} does; list the same in both" in problem


def test_an_instances_file_may_list_stuff(root):
    categories = json.loads((root / PANOPTIC_JSON).read_text())["categories"]
    for split in ("train2017", "val2017"):
        edit(root / f"annotations/instances_{split}.json", lambda content: content.update(categories=categories))
    assert verify(root) == []


def test_things_of_an_instances_file_are_those_of_the_panoptic_one(root):
    def renamed(content):
        content["categories"][0]["name"] = "another"

    edit(root / PANOPTIC_JSON.replace("panoptic_", "instances_"), renamed)
    assert any("have other classes, class 0 'another'" in problem for problem in verify(root))
