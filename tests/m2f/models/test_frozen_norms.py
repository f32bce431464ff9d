"""Frozen norms as a part of convolutions, beside mmdet's ResNet as it is."""

import copy

import pytest
import torch
from mmdet.models import ResNet
from torch import Tensor, nn

from m2f.models.frozen_norms import AppliedNorm, fold_frozen_norms

FROZEN = {"norm_cfg": {"type": "BN", "requires_grad": False}, "norm_eval": True}


def resnet(depth: int = 50, **options: object) -> ResNet:
    """A small ResNet whose norms do something, in float64."""
    torch.manual_seed(0)
    network = ResNet(depth=depth, base_channels=4, stem_channels=4, zero_init_residual=False, **{**FROZEN, **options})
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values in (norm.weight.data, norm.running_var):
                values.uniform_(0.5, 1.5)
            for values in (norm.bias.data, norm.running_mean):
                values.normal_()
    network.double().train()
    return network


def both(**options: object) -> tuple[ResNet, ResNet]:
    """The same network, as mmdet has it and folded."""
    plain = resnet(**options)
    folded = copy.deepcopy(plain)
    fold_frozen_norms(folded)
    return plain, folded


def outputs_and_gradients(network: ResNet, images: Tensor) -> list[Tensor]:
    """The four maps, and the gradients of all weights that learn."""
    maps = network(images)
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [*maps, *torch.autograd.grad(sum(part.square().mean() for part in maps), learnt)]


@pytest.mark.parametrize(
    "options", [{"depth": 18}, {"depth": 50}, {"style": "caffe"}, {"deep_stem": True, "avg_down": True}]
)
def test_maps_and_gradients_are_those_of_the_network_as_it_is(options: dict[str, object]) -> None:
    images = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    plain, folded = both(**options)
    assert not any(type(module) is nn.BatchNorm2d for module in folded.modules())
    for expected, found in zip(
        outputs_and_gradients(plain, images), outputs_and_gradients(folded, images), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_checkpoints_of_either_load_into_the_other() -> None:
    images = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    plain, folded = both()
    for values in folded.state_dict().values():
        if values.is_floating_point():
            values.mul_(1.01)
    plain.load_state_dict(folded.state_dict())
    assert [name for name, _ in plain.named_parameters()] == [name for name, _ in folded.named_parameters()]
    torch.testing.assert_close(folded(images), plain(images), rtol=1e-9, atol=1e-9)


def test_a_copy_has_norms_of_its_own() -> None:
    images = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    _, folded = both()
    before = folded(images)
    other = copy.deepcopy(folded)
    for norm in other.modules():
        if isinstance(norm, AppliedNorm):
            norm.bias.data += 1
    assert all(torch.equal(one, same) for one, same in zip(before, folded(images), strict=True))
    assert not torch.allclose(other(images)[0], before[0])


@pytest.mark.parametrize(
    "options", [{"norm_eval": False}, {"norm_cfg": {"type": "BN"}}, {"norm_cfg": {"type": "SyncBN"}}]
)
def test_norms_that_learn_or_count_stay(options: dict[str, object]) -> None:
    network = resnet(**options)
    classes = [type(module) for module in network.modules()]
    fold_frozen_norms(network)
    assert [type(module) for module in network.modules()] == classes


def test_less_is_kept_for_the_backward_pass() -> None:
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    kept = []
    for network in both():
        sizes: dict[int, int] = {}

        def keep(values: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
            sizes[values.data_ptr()] = values.nbytes
            return values

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
            maps = network(images)
        kept.append(sum(sizes.values()))
        del maps
    assert kept[1] < kept[0]
