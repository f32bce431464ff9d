import json
import shutil

import pytest

from ablations.own_data.contents import read_contents
from m2f.data.scene_classes import CATEGORIES
from m2f.errors import InputError

NAMES = tuple(category["name"] for category in CATEGORIES)


def test_annotation_files_tell_the_first_task(parts):
    found = read_contents(parts)
    assert (found.task, found.classes, sum(found.is_thing)) == ("panoptic", NAMES, 6)
    assert (found.train.name, found.train.images, found.val.name, found.val.images) == ("train", 10, "val", 3)
    assert (found.longest, found.objects) == (64, True)
    annotations = json.loads((parts / "annotations" / "panoptic_train.json").read_text())["annotations"]
    segments = [segment for each in annotations for segment in each["segments_info"] if not segment["iscrowd"]]
    assert sum(found.train.counts.values()) == len(segments)


def test_a_task_is_chosen(parts):
    instance, semantic = read_contents(parts, "instance"), read_contents(parts, "semantic")
    assert (len(instance.classes), all(instance.is_thing)) == (6, True)
    objects = json.loads((parts / "annotations" / "instances_val.json").read_text())["annotations"]
    assert sum(instance.val.counts.values()) == sum(not each["iscrowd"] for each in objects)
    assert (semantic.classes, sum(semantic.is_thing)) == (NAMES, 6)


def test_two_folders_tell_labels_by_their_maps(maps):
    found = read_contents(maps)
    assert (found.task, found.classes) == ("semantic", tuple(f"class {label}" for label in range(10)))
    assert (found.train.images, found.val.images, found.train.listed) == (10, 3, ())
    assert max(found.train.counts.values()) <= 10
    assert [own.suffixes for own in found.maps] == [(".png", ".png")] * 2


def test_without_splits_one_in_five_is_held_out(flat):
    found = read_contents(flat(11))
    assert (found.train.images, found.val.images) == (9, 2)
    assert sorted((*found.train.listed, *found.val.listed), key=int) == [str(number) for number in range(11)]
    assert found.train.counts == {0: 9, 1: 9}
    assert found.longest == 50


def test_what_is_missing_is_told(parts, flat, tmp_path):
    copy = shutil.copytree(parts, tmp_path / "copy")
    (copy / "annotations" / "panoptic_val.json").unlink()
    root = flat(2)
    (root / "masks" / "1.png").unlink()
    (tmp_path / "empty").mkdir()
    for place, task, sentence in (
        (tmp_path / "none", None, r"none does not exist"),
        (tmp_path / "empty", None, r"laid out in no way that is known: COCO's \(annotations/"),
        (copy, None, r"no split whose name begins with 'val' \(train\)"),
        (root, None, r"masks/1\.png is missing; each image needs a map"),
        (root, "instance", "has no files for instance segmentation, only for semantic"),
    ):
        with pytest.raises(InputError, match=sentence):
            read_contents(place, task)


def test_semantic_maps_cannot_hold_more_classes_than_they_have_labels(parts, tmp_path):
    copy = shutil.copytree(parts, tmp_path / "copy")
    for split in ("train", "val"):
        path = copy / "annotations" / f"panoptic_{split}.json"
        content = json.loads(path.read_text())
        content["categories"] += [{"id": 1000 + label, "name": f"further {label}"} for label in range(246)]
        path.write_text(json.dumps(content))
    assert len(read_contents(copy, "panoptic").classes) == 256
    with pytest.raises(InputError, match="has 256 classes, and semantic maps hold 255 at most"):
        read_contents(copy, "semantic")


def test_a_directory_whose_name_no_text_file_takes(tmp_path):
    place = tmp_path / "f\udcffolder"
    try:
        place.mkdir()
    except OSError:
        pytest.skip("the file system takes no such name")
    with pytest.raises(InputError, match=r"f\\udcffolder' has a name that is not UTF-8; rename it"):
        read_contents(place)
