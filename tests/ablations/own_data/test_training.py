import shutil

import pytest
import torch

from ablations.own_data.init import write_config
from ablations.own_data.proposal import Device
from ablations.own_data.training import config_in, in_no_list, plan_of, require_data_of, roots_of
from ablations.own_data.weights import begun_from
from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies.baseline import BASELINE
from m2f.checkpoints import convert
from m2f.checkpoints.architecture import BACKBONES, Architecture
from m2f.checkpoints.trained_as import write_trained_as
from m2f.config_files import read_config
from m2f.errors import InputError
from m2f.own_configs import own_config


@pytest.fixture(scope="module")
def folder(parts, tmp_path_factory):
    """A folder with the config of two tasks."""
    folder = tmp_path_factory.mktemp("work") / "parts"
    for task in ("panoptic", "instance"):
        write_config(parts, task, folder, parts.parent, device=Device("a CPU"))
    return folder


def test_a_config_is_the_run_that_its_folder_is_as_a_scale(folder, parts):
    plan = plan_of(folder / "panoptic.py", {"train_cfg.max_iters": 3}, 1, None, parts.parent)
    scale = chosen_scale(str(folder))
    same = make_plan([BASELINE], scale, ["panoptic"], [1], {"train_cfg.max_iters": 3}, parts.parent)
    assert [cell.run.name for cell in plan.cells] == [cell.run.name for cell in same.cells]
    assert roots_of(plan.cells[0].run, parts.parent) == [parts]
    copy = shutil.copy(folder / "panoptic.py", folder / "mine.py")
    assert plan_of(copy, {}, 0, None, parts.parent).cells[0].run.config["scale"] == "parts"
    copy.unlink()


def test_which_config_of_a_folder_is_told(folder, tmp_path):
    assert config_in(folder, "instance") == folder / "instance.py"
    assert config_in(tmp_path, None) is None
    with pytest.raises(InputError, match="has configs of panoptic and instance; name one with --task"):
        config_in(folder, None)
    with pytest.raises(InputError, match=r"has no semantic\.py; `m2f data init --task semantic` writes it"):
        config_in(folder, "semantic")
    with pytest.raises(InputError, match="says task = 'depth'"):
        (tmp_path / "other.py").write_text('task = "depth"')
        plan_of(tmp_path / "other.py", {}, 0, None, tmp_path)


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """A checkpoint of the paper's model with a ResNet-50 and COCO's classes, of mmdet."""
    directory = tmp_path_factory.mktemp("weights")
    architecture = Architecture(BACKBONES[0], classes=133, queries=100, encoder_layers=6, decoder_layers=9)
    state = {name: torch.zeros_like(each, device="cpu") for name, each in architecture.tensors().items()}
    torch.save({"state_dict": state}, directory / "ours.pth")
    convert(directory / "ours.pth", directory / "mmdet.pth", target_format="mmdet")
    return directory / "mmdet.pth"


def test_weights_bring_their_model_and_the_config_its_classes(folder, paper, parts):
    run = plan_of(folder / "panoptic.py", {}, 0, str(paper), parts.parent).cells[0].run
    model = run.config["model"]
    assert (model["backbone"]["depth"], model["backbone"]["norm_eval"]) == (50, True)
    assert model["transformer_decoder"]["queries"]["num_queries"] == 100
    assert (model["num_things"], model["num_stuff"], model["task"]) == (6, 4, "panoptic")
    assert run.config["load_from"] == str(paper)
    assert run.config["optim_wrapper"]["optimizer"]["lr"] == 1e-4
    assert run.config["optim_wrapper"]["paramwise_cfg"]["backbone_lr_mult"] == 0.1


def test_weights_of_ours_say_their_model(folder, tmp_path):
    wide = read_config(own_config("mini/panoptic.py")).to_dict()["model"]
    wide["transformer_decoder"]["queries"]["num_queries"] = 7
    meta = {}
    known = {
        "task": "panoptic",
        "dataset_name": "scenes",
        "model": wide,
        "pipeline": [],
        "classes": [],
        "category_ids": [],
    }
    write_trained_as(meta, known)
    torch.save({"meta": meta, "state_dict": {"transformer_decoder.x": torch.zeros(1)}}, tmp_path / "own.pth")
    config = begun_from(read_config(folder / "instance.py").to_dict(), str(tmp_path / "own.pth"))
    assert config["model"]["transformer_decoder"]["queries"]["num_queries"] == 7
    assert (config["model"]["num_stuff"], config["model"]["task"]) == (0, "instance")
    torch.save({"state_dict": {"transformer_decoder.x": torch.zeros(1)}}, tmp_path / "silent.pth")
    with pytest.raises(InputError, match=r"silent\.pth is no Mask2Former or MaskFormer: it has no layers"):
        begun_from(read_config(folder / "instance.py").to_dict(), str(tmp_path / "silent.pth"))
    with pytest.raises(InputError, match=r"--weights names none\.pth, and there is no such file"):
        begun_from(read_config(folder / "instance.py").to_dict(), "none.pth")


def test_a_config_found_by_a_data_sets_name_is_of_that_data_set(folder, parts, tmp_path):
    path = folder / "panoptic.py"
    require_data_of(path, parts, parts.parent)
    (tmp_path / "link").symlink_to(parts)
    require_data_of(path, tmp_path / "link", parts.parent)
    other = tmp_path / "other" / "parts"
    with pytest.raises(InputError, match=rf"panoptic\.py is of the data set in {parts}; train that with"):
        require_data_of(path, other, parts.parent)


def test_images_that_came_after_the_lists_are_told(flat, tmp_path):
    """Neither trained on nor evaluated, they would be missed by nobody."""
    root = flat(11)
    path, _, _ = write_config(root, None, tmp_path / "own", tmp_path / "data", device=Device("a CPU"))
    run = plan_of(path, {}, 0, None, tmp_path / "data").cells[0].run
    assert in_no_list(run, tmp_path / "data") == ""
    for new in ("images/new.jpg", "masks/new.png"):
        (root / new).write_bytes(next((root / new).parent.iterdir()).read_bytes())
    sentence = in_no_list(run, tmp_path / "data")
    assert sentence.startswith(
        f"In none of the lists {tmp_path}/own/train.txt and {tmp_path}/own/val.txt, and left out: "
    )
    assert f"left out: 1 images, first {root}/images/new.jpg; to take them" in sentence
