import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from m2f.data.relocate import check_files, relocate, renamed_file
from m2f.data.scenes import SceneSpec, ensure_scenes
from m2f.errors import InputError

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes")
    ensure_scenes(SceneSpec(image_size=32, splits={"train2017": 1, "val2017": 1}, seed=0), root)
    return root


def paper(task):
    return Config.fromfile(CONFIGS / "paper" / f"{task}.py")


def test_data_set_and_metrics_move_and_the_training_data_stays(scenes):
    config = paper("panoptic")
    moved = relocate(config, scenes)
    dataset = moved.val_dataloader.dataset
    assert (dataset.data_root, dataset.ann_file) == (f"{scenes}/", "annotations/panoptic_val2017.json")
    assert moved.val_evaluator[0].panoptic_directory == str(scenes / "annotations" / "panoptic_val2017")
    assert moved.val_evaluator[1].instances_json == str(scenes / "annotations" / "instances_val2017.json")
    assert moved.val_evaluator[1].names == {"AP": "AP_pan_th"}
    assert moved.train_dataloader == config.train_dataloader
    assert config.val_dataloader.dataset.data_root == "data/coco/"


def test_another_split(scenes):
    moved = relocate(paper("panoptic"), scenes, "train2017")
    dataset = moved.val_dataloader.dataset
    assert dataset.ann_file == "annotations/panoptic_train2017.json"
    assert dataset.data_prefix == {"img": "train2017/", "seg": "annotations/panoptic_train2017/"}
    assert moved.val_evaluator[2].panoptic_json == str(scenes / "annotations" / "panoptic_train2017.json")
    assert moved.split == "train2017"


def test_ade20k(tmp_path):
    for kind in ("images", "annotations"):
        (tmp_path / kind / "validation").mkdir(parents=True)
    config = paper("semantic")
    assert relocate(config, tmp_path).val_dataloader.dataset.data_root == f"{tmp_path}/"
    for kind in ("images", "annotations"):
        (tmp_path / kind / "training").mkdir()
    moved = relocate(config, tmp_path, "train").val_dataloader.dataset
    assert moved.data_prefix == {"img_path": "images/training/", "seg_map_path": "annotations/training/"}


def test_maps_of_other_classes(tmp_path):
    """Their file of classes tells, which the config's own was written by."""
    (tmp_path / "classes.txt").write_text("weed\ncrop")
    (tmp_path / "images").mkdir()
    dataset = {"type": "mmseg.BaseSegDataset", "data_root": "fields/", "data_prefix": {"img_path": "images/"}}
    config = Config({"val_dataloader": {"dataset": dataset}, "val_evaluator": []})
    config.val_dataloader.dataset.metainfo = {"classes": ["weed", "crop"]}
    relocate(config, tmp_path)
    config.val_dataloader.dataset.metainfo = {"classes": ["crop", "weed"]}
    with pytest.raises(
        InputError, match=r"Class 0 is 'weed' in .*/classes\.txt, but 'crop' in the config; if the labels"
    ):
        relocate(config, tmp_path)


def test_a_split_that_no_part_is_called_by(scenes):
    config = paper("panoptic")
    config.split = "whole"
    with pytest.raises(InputError, match="does not call its parts by a split 'whole'; leave out --split"):
        relocate(config, scenes, "val2017")


def test_what_is_missing_is_named(scenes, tmp_path):
    with pytest.raises(InputError, match=rf"The data directory {tmp_path / 'coco'} does not exist"):
        relocate(paper("panoptic"), tmp_path / "coco")
    with pytest.raises(InputError, match=r"annotations/panoptic_val2018\.json does not exist"):
        relocate(paper("panoptic"), scenes, "val2018")
    root = shutil.copytree(scenes, tmp_path / "scenes")
    shutil.rmtree(root / "annotations" / "panoptic_val2017")
    with pytest.raises(InputError, match=rf"{root}/annotations/panoptic_val2017 does not exist"):
        relocate(paper("panoptic"), root)


class Listed(SimpleNamespace):
    """A data set of these items."""

    def __len__(self):
        return len(self.items)

    def get_data_info(self, index):
        return self.items[index]


@pytest.fixture
def items(tmp_path):
    """Two images and their maps."""
    for name in ("images/1.jpg", "images/2.jpg", "maps/1.png", "maps/2.png", "maps/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return [{"img_path": f"{tmp_path}/images/{n}.jpg", "seg_map_path": f"{tmp_path}/maps/{n}.png"} for n in (1, 2)]


def test_whole_data_set(items):
    check_files(Listed(items=items, ann_file=""))
    check_files(Listed(items=[{"img_path": item["img_path"]} for item in items], ann_file="instances.json"))


@pytest.mark.parametrize("name", ["images/2.jpg", "maps/1.png"])
def test_missing_file(items, tmp_path, name):
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{tmp_path / name} is missing"):
        check_files(Listed(items=items, ann_file=""))


def test_what_a_list_names_and_is_not_there(items, tmp_path):
    """The list that a training held out is of other images where the data set is another."""
    (tmp_path / "images" / "2.jpg").unlink()
    sentence = (
        r"2\.jpg is missing, of which own/val\.txt has the name: .* give `--override val_dataloader\.dataset\.ann_"
    )
    with pytest.raises(InputError, match=sentence):
        check_files(Listed(items=items, ann_file="own/val.txt"), Path("own/val.txt"))


@pytest.mark.parametrize(
    ("name", "moved"), [("/home/val/own/val.txt", "/home/val/own/train.txt"), ("val/a.txt", "train/a.txt"), ("", "")]
)
def test_a_list_elsewhere_is_another_splits_by_its_name_alone(name, moved):
    assert renamed_file(name, "val", "train") == moved


def test_map_without_image(items, tmp_path):
    """A data set that lists the images that are there does not know which are not."""
    with pytest.raises(InputError, match=f"The image of {tmp_path}/maps/2.png is missing"):
        check_files(Listed(items=items[:1], ann_file=""))
    check_files(Listed(items=items[:1], ann_file="panoptic.json"))


def test_maps_in_directories_of_their_own_and_other_files_beside_them(tmp_path):
    """As Cityscapes has them."""
    items = []
    for city in ("a", "b"):
        (tmp_path / city).mkdir()
        for name in (f"{city}_image.png", f"{city}_labels.png", f"{city}_colours.png"):
            (tmp_path / city / name).touch()
        paths = {
            "img_path": f"{tmp_path}/{city}/{city}_image.png",
            "seg_map_path": f"{tmp_path}/{city}/{city}_labels.png",
        }
        items.append(paths)
    check_files(Listed(items=items, ann_file="", seg_map_suffix="_labels.png"))
    (tmp_path / "b" / "c_labels.png").touch()
    with pytest.raises(InputError, match=f"The image of {tmp_path}/b/c_labels.png is missing"):
        check_files(Listed(items=items, ann_file="", seg_map_suffix="_labels.png"))
