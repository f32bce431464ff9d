"""The scale ``lite``: the paper's configs, but for how large and how long."""

import pytest

from ablations.planning.plan import config_of_scale
from ablations.planning.scales import TASKS, chosen_scale

SIZES = ("train_cfg", "param_scheduler", "train_dataloader", "val_dataloader", "scale", "dataset_name")


@pytest.fixture(params=TASKS)
def both(request):
    return [config_of_scale(chosen_scale(scale), request.param) for scale in ("lite", "paper")]


def test_it_is_the_papers_but_for_size_and_length(both):
    lite, paper = (file.config for file in both)
    assert {key: lite[key] for key in lite if key not in SIZES} == {
        key: paper[key] for key in paper if key not in SIZES
    }


def test_its_settings_are_those_of_the_papers_names(both):
    lite, paper = (file.settings for file in both)
    assert names_in(lite) == names_in(paper)


def names_in(settings):
    return {key: set(value) if isinstance(value, dict) else value for key, value in settings.items()}


def test_every_length_ends_with_its_last_evaluation(both):
    settings = both[0].settings
    for schedule in (*settings.get("schedules", {}).values(), settings["maskformer"]["schedule"]):
        assert schedule["train_cfg"]["max_iters"] == 3 * schedule["train_cfg"]["val_interval"]


def test_maskformers_drop_and_warm_up_are_in_proportion(both):
    """To the nearest iteration; the rates themselves are the paper's."""
    lite, paper = (file.settings["maskformer"]["schedule"] for file in both)
    share = lite["train_cfg"]["max_iters"] / paper["train_cfg"]["max_iters"]
    assert lite["swin"]["lr"] == paper["swin"]["lr"]
    for own, whole in zip(lite["swin"]["param_scheduler"], paper["swin"]["param_scheduler"], strict=True):
        for key in ("begin", "end", "milestones"):
            assert own.get(key, 0) == pytest.approx(scaled(whole.get(key, 0), share), abs=1)


def scaled(value, share):
    return [each * share for each in value] if isinstance(value, list) else value * share


@pytest.mark.parametrize("task", ["panoptic", "instance"])
def test_sizes_are_half_of_the_papers(task):
    lite, paper = (config_of_scale(chosen_scale(scale), task).settings["pipelines"] for scale in ("lite", "paper"))
    for name in paper:
        assert numbers(lite[name]) == [value // 2 for value in numbers(paper[name])]


def numbers(value, key=""):
    """All sizes of a pipeline in their order."""
    if isinstance(value, dict):
        return [number for name, item in value.items() for number in numbers(item, name)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers(item, key)]
    return [value] if key in ("scale", "scales", "crop_size", "size") else []
