import json
import shutil

import numpy as np
import pytest
from PIL import Image

from m2f.data.images import encode_png, read_segment_ids, segment_colours
from m2f.data.preparation import prepare_files
from m2f.data.scene_layouts import write_layout
from m2f.data.scenes import SceneSpec
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


@pytest.mark.parametrize("name", ["ade/ADEChallengeData2016", "cityscapes", "cityscapes_tiny", "mapillary_vistas"])
def test_good_samples_have_no_problem(name, sample):
    assert verify(sample(name)) == []


@pytest.fixture
def streets(tmp_path):
    """Scenes as Cityscapes has them, prepared."""
    write_layout("cityscapes", tmp_path / "streets", SceneSpec(48, {"train": 2, "val": 1}))
    prepare_files("cityscapes", tmp_path / "streets", lambda *place: None)
    return tmp_path / "streets"


def test_damaged_cityscapes(streets):
    image = streets / "leftImg8bit/train/traina/traina_000000_000019_leftImg8bit.png"
    labels = streets / "gtFine/val/vala/vala_000000_000019_gtFine_labelTrainIds.png"
    image.unlink()
    labels.write_bytes(encode_png(np.full((32, 48), 19, np.uint8), 1))
    problems = verify(streets)
    assert problems == [
        f"{image} is missing.",
        f"{labels} has label 19, which no class of Cityscapes has; fetch or make it again, or, if the classes are your "
        "own, name them in a file classes.txt of the data set.",
    ]
    (streets / "gtFine/cityscapes_panoptic_train.json").unlink()
    labels.unlink()
    assert verify(streets) == [f"{image} is missing.", f"{labels} is missing."]


def test_damaged_ade20k(tmp_path):
    root = tmp_path / "ade"
    write_layout("ade20k", root, SceneSpec(48, {"training": 1, "validation": 1}))
    prepare_files("ade20k", root, lambda *place: None)
    labels = next((root / "annotations").rglob("*.png"))
    labels.write_bytes(encode_png(np.full((32, 48), 255, np.uint8), 1))
    assert verify(root) == [], "255 is no class, as 0 is none"
    edit(root / "ade20k_instance_val.json", lambda content: content["categories"][0].update(id=6))
    (problem,) = [sentence for sentence in verify(root) if "other classes" in sentence]
    assert "class 0 '6' and '7'" in problem or "class 0 '7' and '6'" in problem


def test_two_folders_of_ones_own(tmp_path):
    for folder, pixels in (("images", np.zeros((8, 9, 3), np.uint8)), ("masks", np.ones((8, 9), np.uint8))):
        for name in ("a", "b"):
            path = tmp_path / folder / "train" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(pixels, 1))
    assert verify(tmp_path) == []
    (tmp_path / "masks" / "train" / "b.png").write_bytes(encode_png(np.ones((8, 8), np.uint8), 1))
    (tmp_path / "images" / "train" / "a.png").unlink()
    missing, sizes = verify(tmp_path)
    assert missing == f"{tmp_path}/images/train/a.png is missing."
    assert sizes.startswith(f"{tmp_path}/masks/train/b.png is (8, 8) pixels high and wide")


def turn(path):
    """Let EXIF say of an image's file that it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(path) as image:
        image.load()
    image.save(path, exif=exif)


@pytest.mark.parametrize("folder", ["images", "labels"])
def test_turned_images_and_maps_of_two_folders_are_noted(tmp_path, folder):
    """An annotator's program may have turned one of the two, and the other not."""
    for each, pixels in (("images", np.zeros((8, 9, 3), np.uint8)), ("labels", np.ones((8, 9), np.uint8))):
        (tmp_path / each).mkdir()
        (tmp_path / each / "a.png").write_bytes(encode_png(pixels, 1))
    turn(tmp_path / folder / "a.png")
    notes = []
    assert verify(tmp_path, notes.append) == []
    (note,) = notes
    assert note.startswith(f"{tmp_path}/{folder}/a.png says in EXIF that it is to be turned; ")


def test_turned_pngs_of_cocos_layout_are_noted(root):
    (root / "manifest.json").unlink(missing_ok=True)
    turned = [root / PANOPTIC_PNG, root / PANOPTIC_PNG.replace("panoptic_", "semantic_")]
    for path in turned:
        turn(path)
    notes = []
    assert verify(root, notes.append) == []
    assert [note.partition(" says")[0] for note in notes] == [str(path) for path in turned]


def test_links_are_followed_as_training_follows_them(tmp_path):
    for folder, pixels in (("images", np.zeros((8, 9, 3), np.uint8)), ("labels", np.ones((8, 9), np.uint8))):
        elsewhere = tmp_path / "elsewhere" / folder
        elsewhere.mkdir(parents=True)
        (elsewhere / "a.png").write_bytes(encode_png(pixels, 1))
        (tmp_path / "set" / folder).mkdir(parents=True)
        (tmp_path / "set" / folder / "linked").symlink_to(elsewhere)
        (elsewhere / "round").symlink_to(tmp_path / "set" / folder)
    root = tmp_path / "set"
    assert verify(root) == []
    (tmp_path / "elsewhere" / "labels" / "a.png").write_bytes(b"no image")
    assert any("labels/linked/a.png is no" in problem for problem in verify(root)), verify(root)


@pytest.mark.parametrize("beside", ["images", "labels"])
def test_cocos_files_are_not_taken_for_maps(root, beside):
    """Its images may lie in images/, linked to, and another tool's text files of boxes in labels/."""
    (root / "images").mkdir()
    (root / "val2017").rename(root / "images" / "val2017")
    (root / "val2017").symlink_to("images/val2017")
    (root / beside).mkdir(exist_ok=True)
    (root / beside / "0.txt").write_text("0 0.5 0.5 0.1 0.1")
    assert verify(root) == []
