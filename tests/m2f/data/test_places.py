import numpy as np
import pytest

from m2f.data.images import encode_png
from m2f.data.places import semantic_maps
from m2f.data.scene_layouts import write_layout
from m2f.data.scenes import SceneSpec
from m2f.data.verify import verify

SPLITS = ("training", "validation")


def write_pair(image, label_map, label):
    for path, pixels in ((image, np.zeros((8, 9, 3), np.uint8)), (label_map, np.full((8, 9), label, np.uint8))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(pixels, 1))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_ones_own_data_is_not_taken_for_ade20k(tmp_path, suffix):
    for split in SPLITS:
        write_pair(tmp_path / "images" / split / f"a{suffix}", tmp_path / "annotations" / split / "a.png", 200)
    assert [(own.split, own.suffixes[0], own.labels) for own in semantic_maps(tmp_path)] == [
        (split, suffix, range(256)) for split in SPLITS
    ]
    assert verify(tmp_path) == []


def test_ones_own_data_is_not_taken_for_mapillary_vistas(tmp_path):
    for split in SPLITS:
        write_pair(tmp_path / split / "images" / "a.jpg", tmp_path / split / "labels" / "a.png", 255)
    (tmp_path / "config.json").write_text("{}")
    assert [own.split for own in semantic_maps(tmp_path)] == [*SPLITS]
    assert {own.labels for own in semantic_maps(tmp_path)} == {range(256)}


@pytest.mark.parametrize("name", ["ade20k", "mapillary"])
def test_archives_are_known_before_anything_is_made_of_them(tmp_path, name):
    write_layout(name, tmp_path / name, SceneSpec(48, {"training": 1, "validation": 1}))
    assert [own.split for own in semantic_maps(tmp_path / name)] == [*SPLITS]
    assert {max(own.labels) for own in semantic_maps(tmp_path / name)} == {255 if name == "ade20k" else 65}
    assert not {200, 254} & set(semantic_maps(tmp_path / name)[0].labels)


@pytest.mark.parametrize(
    "mark", ["objectInfo150.txt", "ade20k_instance_val.json", "images/training/ADE_train_00000001.jpg"]
)
def test_ade20k_is_told_by_what_it_alone_has(tmp_path, mark):
    for folder in ("images", "annotations"):
        (tmp_path / folder / "training").mkdir(parents=True)
    (tmp_path / mark).touch()
    assert [max(own.labels) for own in semantic_maps(tmp_path)] == [255]
    assert 151 not in semantic_maps(tmp_path)[0].labels


@pytest.mark.parametrize(
    ("images", "maps", "whose"),
    [
        ("images/training/ADE_train_00000001.jpg", "annotations/training/ADE_train_00000001.png", "ADE20K"),
        (
            "leftImg8bit/train/a/a_000000_000019_leftImg8bit.png",
            "gtFine/train/a/a_000000_000019_gtFine_labelTrainIds.png",
            "Cityscapes",
        ),
        ("training/images/a.jpg", "training/labels/a.png", "Mapillary Vistas"),
    ],
)
def test_known_images_with_maps_of_ones_own_are_told_by_their_classes(tmp_path, images, maps, whose):
    """Without a file of classes their labels are told, and how to say that they are meant."""
    (tmp_path / "training" / "panoptic").mkdir(parents=True)
    write_pair(tmp_path / images, tmp_path / maps, 200)
    (problem,) = verify(tmp_path)
    assert problem.startswith(
        f"{tmp_path / maps} has label 200, which no class of {whose} has; fetch or make it again, or"
    )
    assert problem.endswith("name them in a file classes.txt of the data set.")
    (tmp_path / "classes.txt").write_text("\n".join(f"class {label}" for label in range(201)))
    assert verify(tmp_path) == []
    assert [own.pairs().__next__() for own in semantic_maps(tmp_path)] == [(tmp_path / images, tmp_path / maps)]


@pytest.mark.parametrize(("name", "splits"), [("ade/ADEChallengeData2016", SPLITS), ("mapillary_vistas", SPLITS)])
def test_samples_are_known(sample, name, splits):
    assert tuple(own.split for own in semantic_maps(sample(name))) == splits
    assert all(own.labels != range(256) for own in semantic_maps(sample(name)))
