"""The kernels of deformable sampling beside mmcv's formulation by grid sampling, on the device: samples and gradients.

On a CPU it is our kernel, on a GPU Triton's, in float32 and in half precision, and mmcv's CUDA kernel, those that are
there. Half precision costs the rounding of what is stored.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch
from torch import Tensor

from ablations.selftest.findings import Difference
from m2f.compiled_ops import compiled_ops_available
from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling, has_kernel, places_and_weights
from m2f.models.pixel_decoders.sampling_op import sampling

SIZES = [(8, 12), (16, 24), (32, 48)]
HEADS, WIDTH, POINTS, QUERIES = 8, 32, 4, 300  # heads, their channels and points are the paper's
BOUNDS = {torch.float32: 1e-4, torch.float16: 4e-3, torch.bfloat16: 3e-2}  # of a tensor's norm; 4 roundings
QUANTITIES = ("samples", "gradient of values", "gradient of offsets", "gradient of scores")
Sampling = Callable[..., Tensor]


def kernels_here(device: torch.device) -> Iterator[tuple[str, Sampling, torch.dtype]]:
    """Name, function and type of the values of each kernel that the device has."""
    kernel = "Triton" if device.type == "cuda" else "m2f's CPU kernel"
    for dtype in BOUNDS:
        if has_kernel(torch.empty(0, dtype=dtype, device=device)):
            yield f"{kernel}, {str(dtype).removeprefix('torch.')}", sampling, dtype
    if device.type == "cuda" and compiled_ops_available():
        yield "mmcv's CUDA kernel", deformable_sampling, torch.float32


def beside_formulation(kernel: Sampling, dtype: torch.dtype, device: torch.device) -> Iterable[Difference]:
    """A kernel's differences from grid sampling in float32, as shares of norms."""
    value, reference, offsets, scores, upstream = (own.to(device) for own in inputs())
    rounded = value.to(dtype)
    expected = with_gradients(by_grid_sampling, rounded.float(), reference, offsets, scores, upstream)
    found = with_gradients(kernel, rounded, reference, offsets, scores, upstream)
    for quantity, own, other in zip(QUANTITIES, found, expected, strict=True):
        yield quantity, ((own.float() - other).norm() / other.norm()).item(), BOUNDS[dtype]


def inputs() -> tuple[Tensor, ...]:
    """Two images' values, queries' places, offsets, of which some lead outside, scores, and the samples' gradient."""
    draw = torch.Generator().manual_seed(0)
    cells = sum(height * width for height, width in SIZES)
    return (
        torch.randn(2, cells, HEADS, WIDTH, generator=draw),
        torch.rand(QUERIES, 2, generator=draw),
        2 * torch.randn(2, QUERIES, HEADS, len(SIZES), POINTS, 2, generator=draw),
        torch.randn(2, QUERIES, HEADS, len(SIZES) * POINTS, generator=draw),
        torch.randn(2, QUERIES, HEADS * WIDTH, generator=draw),
    )


def with_gradients(
    function: Sampling, value: Tensor, reference: Tensor, offsets: Tensor, scores: Tensor, upstream: Tensor
) -> tuple[Tensor, ...]:
    """The samples, and gradients of value, offsets and scores."""
    leaves = [own.detach().requires_grad_() for own in (value, offsets, scores)]
    samples = function(leaves[0], SIZES, reference, *leaves[1:], True)
    return samples.detach(), *torch.autograd.grad(samples, leaves, upstream.to(samples.dtype))


def by_grid_sampling(
    value: Tensor, sizes: list[tuple[int, int]], reference: Tensor, offsets: Tensor, scores: Tensor, softmax: bool
) -> Tensor:
    """mmcv's formulation of :func:`m2f.models.pixel_decoders.deformable_sampling.deformable_sampling`."""
    lengths = [length for size in sizes for length in size]
    locations, weights = places_and_weights(lengths, reference, offsets, scores, softmax)
    return multi_scale_deformable_attn_pytorch(value, sizes, locations, weights)
