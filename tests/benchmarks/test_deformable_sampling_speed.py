"""Forward and backward of deformable sampling, m2f's kernel and mmcv's PyTorch function: `make benchmark`."""

import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling

SHAPES = {
    "mini, batch 16": (16, 4, 16, [(4, 4), (8, 8), (16, 16)]),
    "512 x 512, batch 1": (1, 8, 32, [(16, 16), (32, 32), (64, 64)]),
}


@pytest.mark.parametrize("function", [deformable_sampling, multi_scale_deformable_attn_pytorch], ids=["m2f", "mmcv"])
@pytest.mark.parametrize("shape", SHAPES)
def test_deformable_sampling(benchmark, shape, function):
    images, heads, width, sizes = SHAPES[shape]
    torch.manual_seed(0)
    cells = sum(height * width for height, width in sizes)
    value = torch.randn(images, cells, heads, width, requires_grad=True)
    locations = torch.rand(images, cells, heads, 3, 4, 2, requires_grad=True)
    weights = torch.rand(images, cells, heads, 3, 4, requires_grad=True)
    benchmark.group = f"deformable sampling: {shape}"

    def step():
        function(value, sizes, locations, weights).sum().backward()

    step()
    benchmark.pedantic(step, rounds=8)
