"""The config that is written, read and built as training does."""

import json
import shutil
from pathlib import Path

import pytest
from mmengine.registry import init_default_scope

import m2f.data.registered  # noqa: F401
from ablations.own_data.init import account, config_folder, write_config
from ablations.own_data.proposal import Device, propose
from ablations.planning.plan import config_of_scale
from ablations.planning.requirements import require_runnable
from ablations.planning.scales import chosen_scale
from m2f.config_files import read_config
from m2f.data.fingerprint import fingerprint
from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import prepare
from m2f.data.semantic import tell_classes
from m2f.errors import InputError
from m2f.registry import DATASETS

CPU, GPU = Device("a CPU with 2 cores"), Device("a GPU", 24 * 2**30)


def written(root, tmp_path, task=None, device=CPU):
    return write_config(root, task, tmp_path / "own", Path("data"), device=device)


@pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
def test_the_config_is_a_scales(parts, tmp_path, task):
    path, _, proposal = written(parts, tmp_path, task)
    file = config_of_scale(chosen_scale(str(tmp_path / "own")), task)
    require_runnable(file.config, str(path))
    assert (file.config["task"], file.config["dataset_name"], file.config["split"]) == (task, "parts", "val")
    assert file.config["train_cfg"]["max_iters"] == proposal.iterations == 125
    assert file.config["train_dataloader"]["batch_size"] == proposal.batch == 4
    assert "schedules" in file.settings
    path.write_text(path.read_text().replace("iterations = 125", "iterations = 3"))
    assert [part["end"] for part in read_config(path).param_scheduler if "end" in part] == [1], "however few there are"


@pytest.mark.parametrize("task", ["panoptic", "instance", "semantic", "maps"])
def test_both_splits_can_be_read(parts, maps, tmp_path, task):
    path, contents, proposal = written(maps if task == "maps" else parts, tmp_path, None if task == "maps" else task)
    config = resolve_data_paths(read_config(path), "data")
    prepare(config)
    init_default_scope("m2f")
    train, val = (
        DATASETS.build(part) for part in (config.train_dataloader.dataset.dataset, config.val_dataloader.dataset)
    )
    assert (len(train), len(val)) == (10, 3)
    assert tuple(train.metainfo["classes"]) == contents.classes
    sample = train[0]["data_samples"]
    assert sample.gt_instances.masks.shape[1:] == (proposal.size, proposal.size)
    assert "gt_sem_seg" in val[0]["data_samples"] or task in ("panoptic", "instance")


def test_maps_without_splits_are_listed(flat, tmp_path):
    path, _, _ = written(flat(11, labels=(0, 1, 2), names=("-", "crop", "weed")), tmp_path)
    config = read_config(path)
    init_default_scope("m2f")
    train = DATASETS.build(config.train_dataloader.dataset.dataset)
    assert len(train) == 9 and len(DATASETS.build(config.val_dataloader.dataset)) == 2
    assert train[0]["data_samples"].gt_instances.labels.tolist() == [0, 1], "0 of the maps is no class"


def test_255_is_no_class_where_0_is_none_either(flat, tmp_path):
    path, contents, _ = written(flat(labels=(0, 1, 2, 255), names=("-", "crop", "weed")), tmp_path)
    assert contents.zero_is_void
    config = read_config(path)
    init_default_scope("m2f")
    val = DATASETS.build(config.val_dataloader.dataset)
    tell_classes(val)
    assert val[0]["data_samples"].gt_sem_seg.data.unique().tolist() == [0, 1, 255]


def test_a_gpu_has_the_papers_model(parts, tmp_path, monkeypatch):
    monkeypatch.setattr("ablations.own_data.proposal.fits", lambda size, batch, device: batch <= 8)
    path, contents, proposal = written(parts, tmp_path, device=GPU)
    config = read_config(path)
    assert (config.model.backbone.depth, config.optim_wrapper.type) == (50, "AmpOptimWrapper")
    assert (proposal.batch, proposal.iterations, proposal.size) == (8, 500, 64)
    assert propose(contents, Device("a smaller GPU", 1)).batch == 8


def test_what_was_found_and_proposed_is_said(parts, flat, tmp_path):
    said = "\n".join(account(*written(parts, tmp_path)))
    assert "panoptic segmentation, 6 thing and 4 stuff classes; 10 images to train on, 3 to evaluate on." in said
    assert "Proposed for a CPU with 2 cores: 125 iterations of 4 images, 64 pixels a side." in said
    said = "\n".join(account(*written(flat(labels=(0, 2, 255)), tmp_path / "flat")))
    assert "3 classes, numbered: " in said and "Nothing to learn of class 1:" in said and "one in five held out" in said


def test_data_below_the_data_directory_is_named_so(parts, tmp_path):
    path, _, _ = write_config(parts, None, tmp_path / "own", parts.parent, device=CPU)
    assert read_config(path).root == "data/parts/"


def test_nothing_is_written_over(parts, tmp_path):
    path, _, _ = written(parts, tmp_path)
    with pytest.raises(InputError, match=rf"{path} exists and is not written over; train it with `m2f train"):
        written(parts, tmp_path)
    with pytest.raises(InputError, match="has the name of a scale of m2f's own"):
        config_folder(tmp_path / "mini", None)


def test_what_a_data_set_says_is_never_run(parts, tmp_path):
    """A config is Python: names of classes and directories stay text in it, whatever they hold."""
    root = shutil.copytree(parts, tmp_path / "a\rraise SystemExit\n#")
    for kind in ("panoptic", "instances"):
        for split in ("train", "val"):
            path = root / "annotations" / f"{kind}_{split}.json"
            content = json.loads(path.read_text())
            content["categories"][0]["name"] = "a\rraise SystemExit\x85#"
            content["categories"][1]["name"] = "{{{$HOME:x}} {{ fileDirname }}"
            path.write_text(json.dumps(content))
    path, _, _ = written(root, tmp_path)
    config = read_config(path)
    assert Path(config.root) == root and config.dataset_name == root.name
    assert "{ { {$HOME:x}} { { fileDirname }}, thing: " in path.read_text()


def test_a_name_that_a_config_would_fill_in_is_refused(flat, tmp_path):
    with pytest.raises(InputError, match=r"would fill in its '\{\{': 'b\{\{\{ fileDirname \}\}'; rename it"):
        written(flat(labels=(0, 1), names=("a", "b{{{ fileDirname }}")), tmp_path)
    assert not [path for path in (tmp_path / "own").rglob("*") if path.suffix == ".py"]


def test_lists_of_ones_own_are_not_written_over(flat, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "val.txt").write_text("mine")
    with pytest.raises(InputError, match=r"own/val\.txt exists and is not written over; remove it, or name another"):
        written(flat(), tmp_path)
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["val.txt"]


def test_a_folder_is_of_one_data_set(parts, maps, tmp_path):
    written(parts, tmp_path, "panoptic")
    with pytest.raises(InputError, match=rf"own/panoptic\.py is of the data set in {parts}; train that with"):
        written(maps, tmp_path)
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["panoptic.py"]


@pytest.mark.parametrize(
    ("labels", "names", "sentence"),
    [
        (
            (0, 1),
            ("cat", "dog"),
            "is taken for 'cat', the first name of classes.txt. If 0 is no class, put a line '-' b",
        ),
        (
            (1, 2),
            ("cat", "dog"),
            "is taken for no class, and 1 for 'cat': no map shows 0, and there are as many labels",
        ),
        ((0, 1, 2), ("-", "cat", "dog"), "is no class, as the line '-' of classes.txt says; label 1 is 'cat'."),
    ],
)
def test_what_label_0_is_taken_for_is_said(flat, tmp_path, labels, names, sentence):
    said = "\n".join(account(*written(flat(labels=labels, names=names), tmp_path)))
    assert f"Label 0 of the maps {sentence}" in said


def test_of_lists_the_files_tell_data_apart_too(flat, tmp_path):
    root = flat(11)
    path, _, _ = written(root, tmp_path)
    config = resolve_data_paths(read_config(path), "data")
    before = fingerprint(config)
    assert fingerprint(config) == before
    (root / "masks" / "3.png").write_bytes(b"another size")
    assert fingerprint(config) != before
