import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttention, multi_scale_deformable_attn_pytorch

from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling
from m2f.models.pixel_decoders.msdeformattn import DeformableAttention, cell_centres

SIZES = [(2, 3), (4, 5), (8, 9)]


def inputs_of(seed, images, heads, width, points):
    """Value, places, offsets in cells and logits of 7 queries; some samples lie outside."""
    torch.manual_seed(seed)
    cells = sum(height * width for height, width in SIZES)
    value = torch.randn(images, cells, heads, width)
    offsets = 3 * torch.randn(images, 7, heads, len(SIZES), points, 2)
    logits = torch.randn(images, 7, heads, len(SIZES) * points)
    return torch.rand(7, 2), [tensor.requires_grad_() for tensor in (value, offsets, logits)]


def theirs(value, reference, offsets, logits):
    """The same by mmcv's function, which takes places in [0, 1] and weights."""
    cells = torch.tensor([(width, height) for height, width in SIZES])
    locations = reference[:, None, None, None] + offsets / cells[:, None]
    weights = logits.softmax(3).unflatten(3, offsets.shape[3:5])
    return multi_scale_deformable_attn_pytorch(value, SIZES, locations, weights)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), images=st.integers(1, 3), heads=st.integers(1, 3), points=st.integers(1, 4))
def test_values_and_gradients_equal_mmcvs(seed, images, heads, points):
    reference, inputs = inputs_of(seed, images, heads, 4, points)
    value, *rest = inputs
    ours, expected = deformable_sampling(value, SIZES, reference, *rest), theirs(value, reference, *rest)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    upstream = torch.randn_like(ours)
    gradients = (torch.autograd.grad(output, inputs, upstream) for output in (ours, expected))
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


def test_in_double_precision_nothing_else_is_computed():
    reference, inputs = inputs_of(0, 2, 2, 4, 3)
    value, *rest = (tensor.double() for tensor in inputs)
    exact = deformable_sampling(value, SIZES, reference.double(), *rest)
    ours = deformable_sampling(inputs[0], SIZES, reference, *inputs[1:])
    torch.testing.assert_close(ours, exact.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("place", [float("nan"), float("inf"), -1e30, 1e30])
def test_a_place_that_is_no_number_reads_no_memory_but_its_own(place):
    reference, inputs = inputs_of(0, 1, 2, 4, 2)
    with torch.no_grad():
        inputs[1][0, 3] = place
    output = deformable_sampling(inputs[0], SIZES, reference, *inputs[1:])
    assert (output[0, 3] == 0).all() and (output[0, 4] != 0).any()
    gradients = torch.autograd.grad(output.sum(), inputs)
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_the_number_of_threads_changes_nothing():
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            reference, inputs = inputs_of(0, 3, 2, 8, 4)
            output = deformable_sampling(inputs[0], SIZES, reference, *inputs[1:])
            results.append([output, *torch.autograd.grad(output.square().sum(), inputs)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


def test_attention_equals_mmcvs_module():
    torch.manual_seed(0)
    ours = DeformableAttention(16, num_heads=2, num_levels=3, num_points=4)
    theirs = MultiScaleDeformableAttention(16, 2, 3, 4, dropout=0.0, batch_first=True)
    torch.testing.assert_close(ours.offsets.bias, theirs.sampling_offsets.bias)
    torch.nn.init.normal_(ours.offsets.weight, std=0.1)
    torch.nn.init.normal_(ours.weights.weight)
    pairs = [
        (theirs.sampling_offsets, ours.offsets),
        (theirs.attention_weights, ours.weights),
        (theirs.value_proj, ours.value),
        (theirs.output_proj, ours.output),
    ]
    for to, source in pairs:
        to.load_state_dict(source.state_dict())
    reference = torch.cat([cell_centres(size, torch.device("cpu")) for size in SIZES])
    source, position = torch.randn(2, len(reference), 16), torch.randn(2, len(reference), 16)
    shapes = torch.tensor(SIZES)
    expected = theirs(
        query=source,
        value=source,
        identity=torch.zeros_like(source),
        query_pos=position,
        reference_points=reference[None, :, None].expand(2, -1, 3, -1),
        spatial_shapes=shapes,
        level_start_index=shapes.prod(1).cumsum(0) - shapes.prod(1),
    )
    torch.testing.assert_close(ours(source + position, source, reference, SIZES), expected, rtol=1e-4, atol=1e-5)


def test_compiled_kernels_do_not_change_how_many_threads_torch_uses():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        reference, inputs = inputs_of(0, 1, 1, 4, 1)
        deformable_sampling(inputs[0], SIZES, reference, *inputs[1:]).sum().backward()
        assert torch.get_num_threads() == 1
        assert "1" in [
            line.split(":")[-1].strip()
            for line in torch.__config__.parallel_info().splitlines()
            if "omp_get_max" in line
        ]
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("size", [(1, 1), (2, 3)])
def test_cell_centres(size):
    centres = cell_centres(size, torch.device("cpu")).view(*size, 2)
    for row in range(size[0]):
        for column in range(size[1]):
            assert centres[row, column].tolist() == pytest.approx([(column + 0.5) / size[1], (row + 0.5) / size[0]])
