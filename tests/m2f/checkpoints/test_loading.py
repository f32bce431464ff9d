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


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("weight", torch.tensor([1.0, float("nan"), 1.0]), "weight has numbers that are infinite or none at all"),
        ("weight", torch.tensor([1.0, float("-inf"), 1.0]), "weight has numbers that are infinite or none at all"),
        ("weight", torch.full((3,), 1e300, dtype=torch.float64), "weight has numbers that are infinite"),
        (
            "weight",
            torch.ones(3, dtype=torch.complex64),
            "weight is of torch.complex64, where the model has torch.float32",
        ),
        (
            "weight",
            torch.ones(3, dtype=torch.int64),
            "weight is of torch.int64, where the model has torch.float32; save",
        ),
        ("weight", torch.ones(3, dtype=torch.bool), "weight is of torch.bool, where the model has torch.float32"),
        ("num_batches_tracked", torch.tensor(1.5), "is of torch.float32, where the model has torch.int64"),
        ("num_batches_tracked", torch.tensor(True), "is of torch.bool, where the model has torch.int64"),
    ],
)
def test_numbers_that_no_model_has_are_refused(name, tensor, message):
    model = nn.BatchNorm1d(3)
    with pytest.raises(InputError, match=message):
        load_into(model, {**nn.BatchNorm1d(3).state_dict(), name: tensor})
    assert torch.equal(model.weight, torch.ones(3))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_another_width_are_loaded(kind):
    model = nn.BatchNorm1d(3)
    load_into(model, {**nn.BatchNorm1d(3).state_dict(), "weight": torch.tensor([0.5, 2, 4], dtype=kind)})
    assert model.weight.tolist() == [0.5, 2, 4]
