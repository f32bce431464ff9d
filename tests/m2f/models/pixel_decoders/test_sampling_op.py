"""Deformable sampling as an operator: shapes without numbers, and models that are compiled and exported."""

import pytest
import torch

from m2f.cost.live_bytes import LiveBytes
from m2f.models.pixel_decoders import MSDeformAttn
from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling

SIZES = [(2, 3), (4, 6)]
LENGTHS = [2, 3, 4, 6]


def inputs(device="cpu"):
    """Value, reference, offsets and scores of 5 queries."""
    torch.manual_seed(0)
    value, offsets, scores = (
        torch.rand(shape, device=device, requires_grad=True)
        for shape in ((1, 30, 2, 4), (1, 5, 2, 2, 3, 2), (1, 5, 2, 6))
    )
    return value, torch.rand(5, 2, device=device), offsets, scores


@pytest.mark.parametrize("softmax", [False, True])
def test_the_operator_keeps_pytorchs_rules(softmax):
    value, *rest = inputs()
    torch.library.opcheck(torch.ops.m2f.deformable_sampling.default, (value, LENGTHS, *rest, softmax))


@pytest.mark.parametrize("softmax", [False, True])
def test_its_gradient_keeps_pytorchs_rules(softmax):
    value, *rest = (tensor.detach() for tensor in inputs())
    gradients = torch.ops.m2f.deformable_sampling_gradients.default
    torch.library.opcheck(gradients, (torch.rand(1, 5, 8), value, LENGTHS, *rest, softmax))


@pytest.mark.parametrize("softmax", [False, True])
def test_it_keeps_its_inputs_alone_and_gives_their_gradients(softmax):
    value, reference, offsets, scores = inputs("meta")
    with LiveBytes() as live:
        result = deformable_sampling(value, SIZES, reference, offsets, scores, softmax)
        assert live.alive.total() == result.nbytes + (scores.nbytes if softmax else 0)  # weights in place of logits
        result.sum().backward()
    assert result.shape == (1, 5, 8)
    assert all(leaf.grad.shape == leaf.shape for leaf in (value, offsets, scores))


@pytest.mark.parametrize("softmax", [False, True])
def test_other_precisions_are_sampled_by_grid_sampling(softmax):
    tensors = [tensor.detach() for tensor in inputs()]
    value, *rest = (tensor.double() for tensor in tensors)
    exact = deformable_sampling(value, SIZES, *rest, softmax)
    torch.testing.assert_close(deformable_sampling(tensors[0], SIZES, *tensors[1:], softmax), exact.float())


CHANNELS = [8, 12, 16, 20]


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return MSDeformAttn(CHANNELS, 32, 1, 8, 2, 64, norm_groups=8).eval()


@pytest.fixture
def features():
    torch.manual_seed(1)
    return [torch.randn(1, channels, 32 // 2**level, 64 // 2**level) for level, channels in enumerate(CHANNELS)]


def flat(result):
    return [*result[0], result[1]]


@torch.no_grad()
def test_a_pixel_decoder_is_compiled_whole(decoder, features):
    compiled = torch.compile(decoder, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(flat(compiled(features)), flat(decoder(features)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_pixel_decoder_is_exported(decoder, features):
    program = torch.export.export(decoder, (features,))
    nodes = [str(node.target) for module in program.graph_module.modules() for node in module.graph.nodes]
    assert "m2f.deformable_sampling.default" in nodes
    torch.testing.assert_close(flat(program.module()(features)), flat(decoder(features)))
