from pathlib import Path

import pytest
import torch
from mmengine import Config

from m2f.cost.checkpoint import checkpoint_bytes, checkpoints_kept
from m2f.registry import MODELS

MINI = Path(__file__).parents[3] / "configs" / "mini" / "panoptic.py"


@pytest.fixture
def config():
    return Config.fromfile(MINI).to_dict()


@pytest.mark.parametrize("frozen", [False, True])
def test_bytes_are_those_of_a_file(config, frozen, tmp_path):
    """The optimizer keeps nothing of parameters that do not learn."""
    config["model"]["backbone"]["norm_cfg"]["requires_grad"] = not frozen
    model = MODELS.build(dict(config["model"]))
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt)
    for parameter in learnt:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.save({"state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "iter_1.pth")
    tensors = (tmp_path / "iter_1.pth").stat().st_size
    assert checkpoint_bytes(config) <= tensors
    assert checkpoint_bytes(config) == pytest.approx(tensors, rel=0.15), "names and places take the rest"
    assert len(learnt) < len(list(model.parameters())) or not frozen


def test_another_optimizer_keeps_something_else(config):
    config["optim_wrapper"]["optimizer"] = {"type": "SGD", "lr": 0.1}
    without = checkpoint_bytes(config)
    model = MODELS.build(dict(config["model"]))
    assert without == sum(tensor.nbytes for tensor in model.state_dict().values())
    config["optim_wrapper"]["optimizer"]["momentum"] = 0.9
    learnt = sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
    assert checkpoint_bytes(config) == without + learnt


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        ({"interval": 50, "max_keep_ckpts": 2}, 2),
        ({"interval": 200, "max_keep_ckpts": 3}, 3),
        ({"interval": 50}, 12),
        ({"interval": 70, "max_keep_ckpts": -1}, 9),
        ({"interval": 1000, "max_keep_ckpts": 5}, 3),  # one of each evaluation
        (None, 1),
    ],
)
def test_number_that_is_kept_of_600_iterations(config, own, kept):
    config["default_hooks"]["checkpoint"] = own
    assert checkpoints_kept(config) == kept
