"""Forward and backward of the four cross-attentions: 100 queries read 1/8 of 512 x 512, beside PyTorch's attention."""

import pytest
import torch
from torch import nn

from m2f.models.transformer_decoder.cross_attention import SMCA, CrossAttention, Level, MaskedAttention, MaskPooling

QUERIES, DIMS, HEADS = 100, 256, 8
SIZE = (64, 64)
CELLS = SIZE[0] * SIZE[1]


class TorchAttention(nn.Module):
    """PyTorch's attention, which every query may use everywhere or, if masked, within its mask."""

    def __init__(self, dims, heads, masked):
        super().__init__()
        self.masked = masked
        self.attention = nn.MultiheadAttention(dims, heads, batch_first=True)

    def forward(self, query, position, level, mask_logits):
        blocked = None
        if self.masked:
            blocked = (mask_logits.sigmoid() < 0.5).repeat_interleave(HEADS, dim=0)
            blocked = blocked & ~blocked.all(dim=-1, keepdim=True)
        keys = level.source + level.position
        return self.attention(query + position, keys, level.source, attn_mask=blocked, need_weights=False)[0]


ROWS = {
    ("cross-attention", "m2f"): lambda: CrossAttention(DIMS, HEADS),
    ("cross-attention", "torch"): lambda: TorchAttention(DIMS, HEADS, masked=False),
    ("masked attention", "m2f"): lambda: MaskedAttention(DIMS, HEADS),
    ("masked attention", "torch"): lambda: TorchAttention(DIMS, HEADS, masked=True),
    ("SMCA", "m2f"): lambda: SMCA(DIMS, HEADS),
    ("mask pooling", "m2f"): lambda: MaskPooling(DIMS, HEADS),
}


@pytest.mark.parametrize(("group", "library"), ROWS)
def test_cross_attention(timed, group, library):
    torch.manual_seed(0)
    attention = ROWS[group, library]()
    query = torch.randn(1, QUERIES, DIMS, requires_grad=True)
    position = torch.randn(1, QUERIES, DIMS)
    source = torch.randn(1, CELLS, DIMS, requires_grad=True)
    level = Level(source, torch.randn(1, CELLS, DIMS), (SIZE,), (8,))
    mask_logits = torch.randn(1, QUERIES, CELLS)

    def step():
        attention(query, position, level, mask_logits).sum().backward()

    timed(f"reading the image: {group}", step, rounds=10)
