"""Triton's kernels beside mmcv's PyTorch function: on a GPU if there is one, else in Triton's interpreter."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

from m2f.models.pixel_decoders.deformable_sampling import gradients_on_gpu, sample_on_gpu
from m2f.models.pixel_decoders.sampling_on_cpu import gradients_on_cpu, sample_on_cpu

if importlib.util.find_spec("triton") is None:
    pytest.skip("Triton is not installed; `make test-triton` installs it", allow_module_level=True)

from m2f.models.pixel_decoders import triton_sampling

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SHAPES = {  # heads, channels of a head, levels, points
    "three levels": (2, 4, [(2, 3), (4, 5), (8, 9)], 4),
    "channels that are no power of two": (3, 5, [(1, 1), (7, 2)], 1),
    "more channels than a warp has threads": (1, 33, [(4, 4)], 2),
    "one channel": (2, 1, [(3, 3)], 3),
}
QUERIES = 5


def inputs(shape):
    """Value, locations, of which some lie outside, weights, and the samples' gradient."""
    heads, width, sizes, points = SHAPES[shape]
    torch.manual_seed(0)
    cells = sum(height * width for height, width in sizes)
    samples = (2, QUERIES, heads, len(sizes), points)
    tensors = [
        torch.randn(2, cells, heads, width),
        torch.rand(*samples, 2) * 1.6 - 0.3,
        torch.rand(samples),
        torch.randn(2, QUERIES, heads * width),
    ]
    return sizes, [tensor.to(DEVICE) for tensor in tensors]


def flat(sizes):
    return [length for size in sizes for length in size]


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_and_gradients_equal_mmcvs(shape):
    sizes, (value, locations, weights, upstream) = inputs(shape)
    leaves = [tensor.requires_grad_() for tensor in (value, locations, weights)]
    expected = multi_scale_deformable_attn_pytorch(value, sizes, locations, weights)
    expected_gradients = torch.autograd.grad(expected, leaves, upstream)
    plain = [tensor.detach() for tensor in leaves]
    samples = triton_sampling.sample(plain[0], flat(sizes), *plain[1:])
    torch.testing.assert_close(samples, expected.detach(), rtol=0, atol=1e-5)
    gradients = triton_sampling.gradients(upstream, plain[0], flat(sizes), *plain[1:])
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("softmax", [False, True])
def test_the_operators_kernels_give_the_same(softmax):
    sizes, (value, locations, weights, upstream) = inputs("three levels")
    offsets, scores, reference = 3 * locations, weights.flatten(3), torch.rand(QUERIES, 2, device=DEVICE)
    given = [value, flat(sizes), reference, offsets]
    samples, kept = sample_on_gpu(*given, scores, softmax)
    on_cpu = [given[0].cpu(), given[1], given[2].cpu(), given[3].cpu()]
    expected, expected_kept = sample_on_cpu(*on_cpu, scores.cpu(), softmax)
    for ours, theirs in ((samples, expected), (kept, expected_kept)):
        torch.testing.assert_close(ours.cpu(), theirs, rtol=0, atol=1e-5)
    last = kept if softmax else scores
    ours = gradients_on_gpu(upstream, *given, last, softmax)
    theirs = gradients_on_cpu(upstream.cpu(), *on_cpu, last.cpu(), softmax)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.cpu(), other, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_values_are_summed_in_float32(dtype):
    """What half precision costs is the rounding of what is stored, once."""
    sizes, (value, locations, weights, upstream) = inputs("three levels")
    halves, halved_upstream = value.to(dtype), upstream.to(dtype)
    samples = triton_sampling.sample(halves, flat(sizes), locations, weights)
    exact = triton_sampling.sample(halves.float(), flat(sizes), locations, weights)
    gradients = triton_sampling.gradients(halved_upstream, halves, flat(sizes), locations, weights)
    full = [halved_upstream.float(), halves.float()]
    exact_gradients = triton_sampling.gradients(*full, flat(sizes), locations, weights)
    assert [samples.dtype, *(gradient.dtype for gradient in gradients)] == [dtype, dtype, torch.float32, torch.float32]
    rounding = torch.finfo(dtype).eps
    torch.testing.assert_close(samples.float(), exact, rtol=rounding, atol=1e-6)
    torch.testing.assert_close(gradients[0].float(), exact_gradients[0], rtol=rounding, atol=1e-6)
    for ours, theirs in zip(gradients[1:], exact_gradients[1:], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("place", [float("nan"), float("inf"), -1e30, 1e9, -0.5, 1.5])
def test_places_without_a_cell_near_give_zero(place):
    sizes, (value, locations, weights, upstream) = inputs("three levels")
    locations.fill_(place)
    results = [
        triton_sampling.sample(value, flat(sizes), locations, weights),
        *triton_sampling.gradients(upstream, value, flat(sizes), locations, weights),
    ]
    assert all(torch.equal(result, torch.zeros_like(result)) for result in results)


def test_tensors_need_not_be_contiguous():
    sizes, tensors = inputs("three levels")
    value, locations, weights, upstream = tensors
    strided = [tensor.transpose(0, 1).contiguous().transpose(0, 1) for tensor in tensors]
    assert not any(tensor.is_contiguous() for tensor in strided)
    expected = triton_sampling.gradients(upstream, value, flat(sizes), locations, weights)
    ours = triton_sampling.gradients(strided[3], strided[0], flat(sizes), *strided[1:3])
    for mine, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, other)


COMPILE = """
from m2f.compiled_ops import provide_compiled_ops
provide_compiled_ops()
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from m2f.models.pixel_decoders import triton_sampling

LENGTHS = {"heads": 8, "levels": 3, "points": 4, "channels": 32, "block": 16, "lanes": 32}
GRADIENTS = dict.fromkeys(["to_value", "to_locations", "to_weights"], "*fp32")
for capability, precision in [(80, "*fp32"), (90, "*bf16")]:
    inputs = {"sizes": "*i32", "value": precision, "locations": "*fp32", "weights": "*fp32"}
    outputs = {"sampling_kernel": {"output": precision}, "gradient_kernel": {"gradient": precision, **GRADIENTS}}
    numbers = {**dict.fromkeys(triton_sampling.NO_VARIANTS, "i32"), **dict.fromkeys(LENGTHS, "constexpr")}
    for name, own in outputs.items():
        kernel = getattr(triton_sampling, name)
        source = ASTSource(fn=kernel, signature={**inputs, **own, **numbers}, constexprs=LENGTHS)
        code = triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm
        assert code["cubin"]
        assert ("atom.global" in code["ptx"]) == (name == "gradient_kernel")
"""


def test_they_compile_for_gpus_that_are_not_here(tmp_path):
    """A100 and H100. Triton has its own assembler; the interpreter accepts what the compiler does not."""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", COMPILE], check=True, env=environment)
