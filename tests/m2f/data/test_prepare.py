from copy import deepcopy

import pytest
from mmengine import Config

from m2f.data.fingerprint import fingerprint
from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import check_class_count, prepare, scene_spec
from m2f.data.scenes import SceneSpec
from m2f.errors import InputError
from m2f.registry import DATASETS


def test_only_data_paths_are_resolved():
    config = Config(
        {
            "root": "data/coco/",
            "nested": [{"file": "data/coco/a.json"}, ("data/x", 3)],
            "other": "metadata/data/",
            "name": "data",
        }
    )
    resolved = resolve_data_paths(config, "/disk/sets")
    assert resolved.to_dict() == {
        "root": "/disk/sets/coco/",
        "nested": [{"file": "/disk/sets/coco/a.json"}, ("/disk/sets/x", 3)],
        "other": "metadata/data/",
        "name": "data",
    }
    assert config.root == "data/coco/"


def test_prepare_generates_the_scenes_of_a_config(load_config, tmp_path):
    config = load_config("scenes_panoptic")
    config.scenes = {"root": str(tmp_path / "scenes"), "image_size": 32, "splits": {"val2017": 2}, "seed": 5}
    calls = []
    prepare(config, progress=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)]
    assert (tmp_path / "scenes/val2017/000000000002.png").is_file()
    assert scene_spec(config) == SceneSpec(32, {"val2017": 2}, 5)


def test_prepare_names_a_missing_data_set_and_where_to_get_it(load_config, tmp_path):
    config = load_config("coco_panoptic", tmp_path / "coco")
    config.dataset_name = "coco"
    with pytest.raises(InputError, match=r"coco/ does not exist; fetch COCO 2017 from https://cocodataset\.org"):
        prepare(config)


def test_prepare_names_a_missing_part(load_config, tmp_path):
    for directory in ("train2017", "annotations/panoptic_train2017"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "annotations/panoptic_train2017.json").write_text("{}")
    with pytest.raises(InputError, match=r"panoptic_val2017\.json does not exist"):
        prepare(load_config("coco_panoptic", tmp_path))


def test_prepare_accepts_coco(load_config, coco100):
    prepare(load_config("coco_panoptic", coco100))
    prepare(load_config("coco_instance", coco100))


@pytest.mark.parametrize("name", ["scenes_panoptic", "scenes_instance", "scenes_semantic"])
def test_class_counts_fit(load_config, name):
    config = load_config(name)
    dataset = DATASETS.build(config.train_dataloader.dataset)
    config.model = {"num_things": config.num_things, "num_stuff": config.num_stuff}
    check_class_count(config, dataset)
    config.model.num_things += 1
    with pytest.raises(InputError, match=rf"num_things = {config.model.num_things}"):
        check_class_count(config, dataset)


def test_fingerprint_of_scenes_needs_no_files_and_no_paths(load_config):
    config = load_config("scenes_panoptic")
    same = deepcopy(config)
    same.scenes.root = "elsewhere"
    other = deepcopy(config)
    other.scenes.seed = 99
    assert fingerprint(same) == fingerprint(config)
    assert fingerprint(other) != fingerprint(config)


def test_fingerprint_of_files_is_their_contents(load_config, tmp_path):
    (tmp_path / "annotations").mkdir()
    for split in ("train2017", "val2017"):
        (tmp_path / f"annotations/instances_{split}.json").write_text(split)
    config = load_config("coco_instance", tmp_path)
    before = fingerprint(config)
    assert fingerprint(config) == before
    (tmp_path / "annotations/instances_val2017.json").write_text("other")
    assert fingerprint(config) != before
    (tmp_path / "annotations/instances_val2017.json").unlink()
    with pytest.raises(InputError, match=r"instances_val2017\.json does not exist"):
        fingerprint(config)


def test_fingerprint_of_ade20k_is_its_listing(load_config, tmp_path):
    config = load_config("ade20k_semantic", tmp_path)
    for split in ("training", "validation"):
        (tmp_path / "annotations" / split).mkdir(parents=True)
        (tmp_path / "annotations" / split / "0.png").write_text("0")
    before = fingerprint(config)
    (tmp_path / "annotations/validation/a.png").write_text("a")
    assert fingerprint(config) != before


def test_a_fingerprint_names_something(load_config, tmp_path):
    config = load_config("ade20k_semantic", tmp_path)
    for split in ("training", "validation"):
        (tmp_path / "annotations" / split).mkdir(parents=True)
    with pytest.raises(InputError, match=r"annotations/training has no file"):
        fingerprint(config)


def test_fingerprint_of_other_layouts_is_the_listing_of_all_that_lies_there(load_config, tmp_path):
    """Without a directory that is called annotations, and with files in directories of their own, as Cityscapes has."""
    config = load_config("ade20k_semantic", tmp_path)
    for loader in (config.train_dataloader.dataset.dataset, config.val_dataloader.dataset):
        loader.data_prefix = {"img_path": "leftImg8bit", "seg_map_path": "gtFine"}
    for place in ("leftImg8bit/aachen", "gtFine/aachen"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "1.png").write_text("1")
    before = fingerprint(config)
    assert fingerprint(config) == before
    (tmp_path / "gtFine/aachen/1.png").write_text("longer")
    after = fingerprint(config)
    assert after != before
    (tmp_path / "gtFine/aachen/2.png").write_text("2")
    assert fingerprint(config) != after
