"""The config that is written, read and built as training does."""

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
from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import prepare
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
    path, _, _ = written(flat(11, labels=(0, 1, 2), names=("crop", "weed")), tmp_path)
    config = read_config(path)
    init_default_scope("m2f")
    train = DATASETS.build(config.train_dataloader.dataset.dataset)
    assert len(train) == 9 and len(DATASETS.build(config.val_dataloader.dataset)) == 2
    assert train[0]["data_samples"].gt_instances.labels.tolist() == [0, 1], "0 of the maps is no class"


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
    said = "\n".join(account(*written(flat(labels=(0, 2, 255)), tmp_path)))
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
