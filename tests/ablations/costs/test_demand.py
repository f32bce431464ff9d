from pathlib import Path

import pytest

from ablations.costs.demand import (
    COUNTED_AS,
    checkpoint_size,
    counted,
    design,
    run_flops,
    step_memory,
)
from ablations.planning.plan import read_config_file
from m2f.cost.memory import training_memory
from m2f.cost.training_flops import training_flops
from m2f.engine.precision import is_mixed

MINI = Path(__file__).parents[3] / "configs" / "mini" / "semantic.py"


@pytest.fixture
def config():
    """A small model with the classes that all are counted with."""
    config = read_config_file(MINI).config
    return {**config, "model": {**config["model"], **COUNTED_AS}}


def test_flops_are_those_of_all_images(config):
    assert run_flops(config) == 2 * training_flops(config["model"], (128, 128)) * 600 * 16


def test_memory_is_that_of_a_step_in_the_configs_precision(config):
    mixed = {**config, "optim_wrapper": {**config["optim_wrapper"], "type": "AmpOptimWrapper"}}
    assert [is_mixed(each) for each in (config, mixed)] == [False, True]
    expected = training_memory(config["model"], (128, 128), 1, 3, mixed_precision=True).peak
    assert step_memory(mixed, images=1, targets=3) == expected


def test_equal_designs_are_counted_once_for_all_classes(config):
    other = {**config, "model": {**config["model"], "task": "semantic", "num_things": 0, "num_stuff": 150}}
    assert design(other) == design(config)


def test_a_checkpoint_of_the_papers_model():
    """44 million parameters of four bytes each, and AdamW's two numbers for each that learns."""
    config = read_config_file(MINI.parents[1] / "paper" / "panoptic.py").config
    assert checkpoint_size(config) / 1e6 == pytest.approx(529, abs=1)


def test_images_of_no_size_cannot_be_counted(config):
    assert counted(config)
    assert not counted({"train_dataloader": {"dataset": {}}})
