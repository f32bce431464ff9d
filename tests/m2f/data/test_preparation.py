"""What is made of data sets, beside what the official scripts have made of the same files."""

import json
import shutil

import numpy as np
import pytest

from m2f.data.category_lists import category_list
from m2f.data.images import read_labels, read_segment_ids
from m2f.data.preparation import prepare_files
from m2f.data.preparation.part import Image, Part, carry_out
from m2f.errors import InputError


def tell(what, done, total):
    """Progress that nobody sees."""


def load(path):
    return json.loads(path.read_text())


def same_segments(ours, theirs, segments):
    """Whether two maps have the same segments under ids of their own; the second's id of each of the first's."""
    pairs = {tuple(pair) for pair in np.stack([ours.ravel(), theirs.ravel()], 1).tolist()}
    known = dict(pairs)
    assert len(known) == len(pairs) == len(set(known.values()))
    return {segment["id"]: known[segment["id"]] for segment in segments}


@pytest.fixture
def ade(tmp_path, sample):
    """ADE20K as it is downloaded, and what the official scripts have made of it."""
    root, theirs = tmp_path / "ADEChallengeData2016", sample("ade") / "ADEChallengeData2016"
    for place in ("images", "annotations", "annotations_instance"):
        shutil.copytree(theirs / place, root / place)
    return root, theirs


def test_ade20k(ade):
    root, theirs = ade
    prepare_files("ade20k", root, tell)
    for name, split in (("train", "training"), ("val", "validation")):
        for path in (theirs / "annotations_detectron2" / split).iterdir():
            own = read_labels(root / "annotations_detectron2" / split / path.name)
            assert np.array_equal(own, read_labels(path))
        ours, official = (load(place / f"ade20k_panoptic_{name}.json") for place in (root, theirs))
        assert (ours["images"], ours["categories"]) == (official["images"], official["categories"])
        for one, other in zip(ours["annotations"], official["annotations"], strict=True):
            maps = [read_segment_ids(p / f"ade20k_panoptic_{name}" / one["file_name"]) for p in (root, theirs)]
            ids = same_segments(*maps, one["segments_info"])
            renamed = [segment | {"id": ids[segment["id"]]} for segment in one["segments_info"]]
            assert (one["image_id"], renamed) == (other["image_id"], other["segments_info"])
        assert load(root / f"ade20k_instance_{name}.json") == load(theirs / f"ade20k_instance_{name}.json")
    assert not list(root.glob(".*"))


def test_colours_of_ade20k_tell_its_classes():
    colours = [tuple(category["color"]) for category in category_list("ade20k")]
    assert len(set(colours)) == len(colours) == 150


def test_ade20k_without_instances_has_semantic_maps(ade):
    root, _ = ade
    shutil.rmtree(root / "annotations_instance")
    prepare_files("ade20k", root, tell)
    assert len(list(root.glob("annotations_detectron2/*/*.png"))) == 6
    assert not list(root.glob("*.json"))


@pytest.mark.parametrize("name", ["cityscapes", "cityscapes_val_truth"])
def test_cityscapes(name, tmp_path, sample):
    theirs = sample(name)
    root = tmp_path / "cityscapes"
    (root / "leftImg8bit").mkdir(parents=True)
    for path in theirs.glob("gtFine/*/*/*_gtFine_*Ids.png"):
        if "labelTrainIds" not in path.name:
            (root / path.relative_to(theirs)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / path.relative_to(theirs))
    prepare_files("cityscapes", root, tell)
    maps = list(theirs.glob("gtFine/*/*/*_labelTrainIds.png"))
    for path in maps:
        assert np.array_equal(read_labels(root / path.relative_to(theirs)), read_labels(path))
    for file in theirs.glob("gtFine/cityscapes_panoptic_*.json"):
        assert load(root / file.relative_to(theirs)) == load(file)
        for path in file.with_suffix("").iterdir():
            own = read_segment_ids(root / path.relative_to(theirs))
            assert np.array_equal(own, read_segment_ids(path))


def test_coco(root):
    """The scenes have semantic maps of their own, which are what is made of their segments."""
    prepare_files("coco", root, tell)
    for split in ("train2017", "val2017"):
        theirs = sorted((root / "annotations" / f"semantic_{split}").iterdir())
        assert len(theirs) == len(list((root / f"panoptic_semseg_{split}").iterdir()))
        for path in theirs:
            assert np.array_equal(read_labels(root / f"panoptic_semseg_{split}" / path.name), read_labels(path))


def test_mapillary_of_release_2(tmp_path):
    for split in ("training", "validation"):
        (tmp_path / split / "images").mkdir(parents=True)
        for kind in ("labels", "instances", "panoptic"):
            (tmp_path / split / "v1.2" / kind).mkdir(parents=True)
    (tmp_path / "training/v1.2/labels/1.png").touch()
    (tmp_path / "validation/labels").mkdir()
    prepare_files("mapillary", tmp_path, tell)
    prepare_files("mapillary", tmp_path, tell)
    assert (tmp_path / "training/labels/1.png").is_file()
    assert (tmp_path / "validation/panoptic").is_symlink()
    assert not (tmp_path / "validation/labels").is_symlink()


def test_what_is_not_there_is_to_be_fetched(tmp_path):
    with pytest.raises(InputError, match=r"has no leftImg8bit; fetch leftImg8bit_trainvaltest\.zip \(11 GB\)"):
        prepare_files("cityscapes", tmp_path, tell)


def copy_of(image):
    """Write something, and say something of it; the third image cannot be made at first."""
    if image.facts and not image.sources["allowed"].exists():
        raise InputError("stopped")
    image.target.write_text(image.id)
    image.sources["made"].open("a").write(image.id)
    return {"id": image.id}


def test_a_preparation_goes_on_where_it_was_stopped(tmp_path):
    sources = {"allowed": tmp_path / "allowed", "made": tmp_path / "made"}
    finished, seen, told = tmp_path / "all.json", [], []
    images = [Image(str(n), sources, tmp_path / f"made_{n}", {1: 1} if n == 2 else {}) for n in range(4)]
    part = Part("copies", images, copy_of, tmp_path / ".lines", (finished,), seen.append)
    with pytest.raises(InputError):
        carry_out([part], tell)
    with (tmp_path / ".lines").open("a") as lines:
        lines.write('["2", {"id"')  # as a crash leaves it
    sources["allowed"].touch()
    (tmp_path / "made_0").unlink()
    carry_out([part], lambda *place: told.append(place))
    assert (tmp_path / "made").read_text() == "01" + "023"
    assert seen == [[{"id": str(n)} for n in range(4)]]
    assert told[0] == ("copies", 1, 4)
    assert told[-1] == ("copies", 4, 4)
    assert not part.is_done
    finished.touch()
    carry_out([part], tell)
    assert len(seen) == 1


def test_many_images_are_made_in_processes(tmp_path):
    sources = {"allowed": tmp_path / "allowed", "made": tmp_path / "made"}
    images = [Image(str(n), sources, tmp_path / f"made_{n}") for n in range(130)]
    seen = []
    carry_out([Part("copies", images, copy_of, tmp_path / ".lines", (), seen.append)], tell, workers=2)
    assert [record["id"] for record in seen[0]] == [image.id for image in images]
    assert all(image.target.is_file() for image in images)
