from pathlib import Path

import pytest

from ablations.costs.demand import checkpoint_size, counted, run_flops, step_memory
from ablations.planning.plan import read_config_file
from m2f.cost.memory import training_memory
from m2f.cost.training_flops import training_flops

MINI = Path(__file__).parents[3] / "configs" / "mini" / "semantic.py"


@pytest.fixture
def config():
    return read_config_file(MINI).config


def test_flops_are_those_of_all_images(config):
    """What other classes take of so small a model is in the tolerance."""
    assert run_flops(config) == pytest.approx(2 * training_flops(config["model"], (128, 128)) * 300 * 16, rel=0.01)


def test_memory_is_that_of_a_step(config):
    """In the config's precision."""
    counts = [training_memory(config["model"], (128, 128), 2, 3, mixed).peak for mixed in (False, True)]
    assert step_memory(config, images=2, targets=3) == pytest.approx(counts[0], rel=0.01)
    mixed = {**config, "optim_wrapper": {**config["optim_wrapper"], "type": "AmpOptimWrapper"}}
    assert step_memory(mixed, images=2, targets=3) == pytest.approx(counts[1], rel=0.01)
    assert counts[1] < 0.95 * counts[0]


def test_a_checkpoint_of_the_papers_model():
    """44 million parameters of four bytes each, and AdamW's two numbers for each that learns."""
    config = read_config_file(MINI.parents[1] / "paper" / "panoptic.py").config
    assert checkpoint_size(config) / 1e6 == pytest.approx(529, abs=1)


def test_images_of_no_size_cannot_be_counted(config):
    assert counted(config)
    assert not counted({"train_dataloader": {"dataset": {}}})
