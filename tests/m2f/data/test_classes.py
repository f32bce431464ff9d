"""Classes are compared by name and order, before anything is trained."""

import json
import shutil
from pathlib import Path

import pytest
from mmengine import Config

from m2f.data.classes import check_same_classes, classes_of
from m2f.data.prepare import categories_of, check_classes, prepare
from m2f.errors import InputError
from m2f.registry import DATASETS


@pytest.fixture
def config(load_config, scenes_root, tmp_path):
    """``config(task, **model)``: COCO's config on a copy of the scenes, with a model of so many classes."""
    root = shutil.copytree(scenes_root, tmp_path / "coco")

    def make(task="panoptic", **model):
        made = load_config(f"coco_{task}", root)
        made.model = {"num_things": 6, "num_stuff": 4 if task == "panoptic" else 0} | model
        return made

    return make


def edit(config, kind, split, change):
    path = Path(config.data_root, f"annotations/{kind}_{split}2017.json")
    content = json.loads(path.read_text())
    change(content["categories"])
    path.write_text(json.dumps(content))


def swap(categories):
    categories[2], categories[3] = categories[3], categories[2]


def rename(categories):
    categories[1]["name"] = "box"


@pytest.mark.parametrize("task", ["panoptic", "instance"])
def test_equal_classes_are_fine(config, task):
    prepare(config(task))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (swap, r"Class 2 is 'triangle' in .*train2017\.json, but 'ring' in .*val2017\.json; list the same classes"),
        (rename, r"Class 1 is 'square' in .*train2017\.json, but 'box' in .*val2017\.json"),
    ],
)
@pytest.mark.parametrize(("task", "kind"), [("panoptic", "panoptic"), ("instance", "instances")])
def test_other_classes_in_validation(config, task, kind, change, match):
    made = config(task)
    edit(made, kind, "val", change)
    for check in (check_classes, prepare):
        with pytest.raises(InputError, match=match):
            check(made)


@pytest.mark.parametrize(("task", "kind"), [("panoptic", "panoptic"), ("instance", "instances")])
@pytest.mark.parametrize("split", ["train", "val"])
def test_a_class_fewer_in_one_file(config, task, kind, split):
    made = config(task)
    edit(made, kind, split, lambda categories: categories.pop(0))
    with pytest.raises(InputError, match=rf"{kind}_{split}2017\.json has 5 thing and [04] stuff classes, but .* = 6"):
        prepare(made)


@pytest.mark.parametrize("change", [swap, rename, lambda categories: categories.pop()])
def test_objects_of_other_classes_than_the_segments(config, change):
    made = config()
    edit(made, "instances", "val", change)
    with pytest.raises(InputError, match=r"in .*panoptic_val2017\.json, but .* in .*instances_val2017\.json"):
        prepare(made)


@pytest.mark.parametrize("counts", [{"num_things": 5}, {"num_things": 7}, {"num_things": 6, "num_stuff": 3}])
def test_counts_that_do_not_fit(config, counts):
    with pytest.raises(InputError, match=r"has 6 thing and 4 stuff classes, but the config says model\.num_things = "):
        prepare(config(**counts))


@pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
def test_counts_of_scenes_need_no_scenes(load_config, task, tmp_path):
    made = load_config(f"scenes_{task}")
    for loader in (made.train_dataloader.dataset.dataset, made.val_dataloader.dataset):
        loader.data_root = str(tmp_path / "nowhere")
    made.model = {"num_things": made.num_things, "num_stuff": made.num_stuff}
    check_classes(made)
    made.model.num_stuff += 1
    with pytest.raises(InputError, match=r"The data set has .* set them to fit"):
        check_classes(made)
    with pytest.raises(InputError, match=r"set them to fit"):
        prepare(made)
    assert not (tmp_path / "nowhere").exists()


def test_missing_files_are_not_for_the_check_of_classes(load_config, tmp_path):
    made = load_config("coco_panoptic", tmp_path)
    made.model = {"num_things": 80, "num_stuff": 53}
    check_classes(made)


def test_files_are_read_once_as_long_as_they_stay(config):
    made = config()
    path = Path(made.data_root, "annotations/panoptic_val2017.json")
    first = categories_of(path)
    assert categories_of(path) is first
    edit(made, "panoptic", "val", rename)
    assert categories_of(path)[1]["name"] == "box"


def test_classes_that_the_config_names(config):
    settings = config().val_dataloader.dataset
    names = ["disk", "square", "triangle", "ring", "cross", "bar", "meadow", "water", "sand", "slate"]
    settings.metainfo = {"classes": names}
    DATASETS.build(settings)
    settings.metainfo = {"classes": [*names[:2], "ring", "triangle", *names[4:]]}
    with pytest.raises(InputError, match=r"Class 2 is 'ring' in the config's metainfo, but 'triangle' in .*val2017"):
        DATASETS.build(settings)


def test_stuff_before_things(config):
    made = config()
    for split in ("train", "val"):
        edit(made, "panoptic", split, lambda categories: categories.insert(0, categories.pop()))
    with pytest.raises(
        InputError, match=r"Class 0, 'slate', is stuff in .*train2017\.json, .* to \[1, 2, 3, 4, 5, 6\]"
    ):
        prepare(made)
    made.model.thing_labels = [1, 2, 3, 4, 5, 6]
    prepare(made)


def test_classes_that_the_truth_calls_otherwise_are_compared_by_id(config):
    made = config()
    edit(made, "instances", "val", rename)
    made.val_evaluator[1].by_id = True
    prepare(made)
    edit(made, "instances", "val", swap)
    with pytest.raises(InputError, match=r"Class 2 is '4' in .*panoptic_val2017\.json, but '7' in .*instances_val2017"):
        prepare(made)


@pytest.mark.parametrize(
    ("names", "others", "match"),
    [
        ("abc", "abd", r"Class 2 is 'c' in one, but 'd' in another; mend it\.$"),
        ("abc", "ab", r"Class 2 is 'c' in one, but missing in another \(3 and 2 in all\)"),
        ("", "a", r"Class 0 is missing in one, but 'a' in another"),
    ],
)
def test_the_first_class_that_differs_is_named(names, others, match):
    with pytest.raises(InputError, match=match):
        check_same_classes("one", names, "another", others, "mend it")


def test_equal_lists_of_any_kind_are_the_same():
    check_same_classes("one", ("a", "b"), "another", ["a", "b"], "mend it")


def test_a_file_without_isthing_has_things_alone():
    assert classes_of([{"name": "a"}, {"name": "b"}], "file").is_thing == (True, True)


def test_config_without_a_model_is_not_counted(config):
    check_classes(Config({key: value for key, value in config().items() if key != "model"}))
