import pytest
import torch
from torch import nn

from m2f.checkpoints import load_into
from m2f.errors import InputError


def test_all_tensors_are_loaded():
    model, other = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    other.weight.data.uniform_()
    load_into(model, other.state_dict())
    assert torch.equal(model.weight, other.weight)


def test_missing_extra_and_misshapen_tensors_are_listed_and_none_is_loaded():
    model = nn.BatchNorm1d(3)
    state = {**nn.BatchNorm1d(3).state_dict(), "weight": torch.zeros(3), "running_mean": torch.zeros(2, 2)}
    state["surprise"] = state.pop("bias")
    with pytest.raises(InputError) as error:
        load_into(model, state)
    assert str(error.value) == (
        "The checkpoint is not of this model, take one that is. Tensors: missing bias; extra surprise; "
        "misshapen running_mean [2, 2] for [3]."
    )
    assert torch.equal(model.weight, torch.ones(3))


def test_ten_of_each_are_listed():
    with pytest.raises(InputError, match=r"missing 0\.weight, .*, 4\.bias and 2 more; extra x0, .*, x9 and 5 more\."):
        load_into(nn.Sequential(*(nn.Linear(1, 1) for _ in range(6))), {f"x{i}": torch.zeros(1) for i in range(15)})
