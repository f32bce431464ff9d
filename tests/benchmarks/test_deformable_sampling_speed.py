"""Forward and backward of deformable sampling, m2f's kernel and mmcv's PyTorch function: `make benchmark`."""

import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling

SHAPES = {
    "mini, batch 16": (16, 4, 16, [(4, 4), (8, 8), (16, 16)]),
    "512 x 512, batch 1": (1, 8, 32, [(16, 16), (32, 32), (64, 64)]),
}


def attend_with_mmcv(value, sizes, reference, offsets, logits):
    cells = torch.tensor([(width, height) for height, width in sizes])
    locations = reference[:, None, None, None] + offsets / cells[:, None]
    weights = logits.softmax(3).unflatten(3, offsets.shape[3:5])
    return multi_scale_deformable_attn_pytorch(value, sizes, locations, weights)


@pytest.mark.parametrize("function", [deformable_sampling, attend_with_mmcv], ids=["m2f", "mmcv"])
@pytest.mark.parametrize("shape", SHAPES)
def test_deformable_sampling(benchmark, shape, function):
    images, heads, width, sizes = SHAPES[shape]
    torch.manual_seed(0)
    cells = sum(height * width for height, width in sizes)
    value = torch.randn(images, cells, heads, width, requires_grad=True)
    reference = torch.rand(cells, 2)
    offsets = (2 * torch.randn(images, cells, heads, 3, 4, 2)).requires_grad_()
    logits = torch.randn(images, cells, heads, 12, requires_grad=True)
    benchmark.group = f"deformable sampling: {shape}"

    def step():
        function(value, sizes, reference, offsets, logits).sum().backward()

    step()
    benchmark.pedantic(step, rounds=8)
