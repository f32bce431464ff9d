"""Deformable cross-attention around each query's box (Deformable DETR, ICLR 2021; Mask DINO, CVPR 2023)."""

import torch
from torch import Tensor, nn

from m2f.models.layers import without_autocast
from m2f.models.pixel_decoders.deformable_sampling import deformable_sampling
from m2f.models.pixel_decoders.msdeformattn import DeformableAttention
from m2f.models.transformer_decoder.cross_attention import Level
from m2f.registry import MODELS


@MODELS.register_module()
class MaskBoxAttention(nn.Module):
    """Every query takes a few samples in and around the box of its own mask, in all resolutions that it reads.

    Mask DINO's cross-attention is Deformable DETR's: a head's samples lie at ``centre + offset / points * size / 2``
    of the query's box, with offsets and weights linear in query and position (maskdino's dino_decoder.py:171-280 and
    ops; Apache-2.0). Its boxes are predicted and refined, at first from the masks (maskdino_decoder.py:424-440). Here
    there is no box to learn: it is that of the mask in the finest of the resolutions, at a probability of 0.5, so that
    the mask steers as in masked attention and nothing but the attention differs. An empty mask has the whole image. A
    hard mask's box follows its farthest pixel. At first heads look all around, as in the pixel decoder, and the
    farthest sample lies on the box.

    Args:
        embed_dims: D.
        num_heads: heads.
        dropout: unused, as there are no attention weights of pixels; taken so that all variants are built alike.
        num_levels: how many resolutions a layer reads together.
        num_points: samples per head and level.
    """

    needs_masks = True

    def __init__(
        self, embed_dims: int, num_heads: int, dropout: float = 0.0, num_levels: int = 3, num_points: int = 4
    ) -> None:
        super().__init__()
        self.attention = DeformableAttention(embed_dims, num_heads, num_levels, num_points)

    def forward(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """See :mod:`m2f.models.transformer_decoder.cross_attention`.

        Raises:
            ValueError: the layer reads another number of resolutions.
        """
        assert mask_logits is not None
        heads, levels, points = self.attention.samples
        if len(level.sizes) != levels:
            raise ValueError(f"num_levels is {levels}, but a layer reads {len(level.sizes)}; give it the number.")
        centre, size = mask_boxes(mask_logits, level)
        positioned = query + query_position
        with without_autocast(query.device):
            offsets = self.attention.offsets(positioned.float()).unflatten(2, (heads, levels, points, 2))
            scores = self.attention.weights(positioned.float()).unflatten(2, (heads, levels * points))
        places = centre[:, :, None, None, None] + offsets / points * size[:, :, None, None, None] / 2
        cells = places * places.new_tensor([[width, height] for height, width in level.sizes])[:, None]
        value = self.attention.value(level.source).float().unflatten(2, (heads, -1))
        origin = places.new_zeros(query.shape[1], 2)
        return self.attention.output(deformable_sampling(value, level.sizes, origin, cells, scores))


def mask_boxes(mask_logits: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """Centre and size (x, y), each ``[B, Q, 2]`` in [0, 1], of the foreground in the finest of a level's resolutions.

    Args:
        mask_logits: ``[B, Q, N]``.
        level: whose N cells they are.
    """
    finest = level.strides.index(min(level.strides))
    parts = mask_logits.split([height * width for height, width in level.sizes], dim=2)
    inside = parts[finest].unflatten(2, level.sizes[finest]) >= 0
    bounds = [extent(inside.any(dim=axis)) for axis in (2, 3)]  # of columns, of rows
    first, last = (torch.stack(ends, dim=2) for ends in zip(*bounds, strict=True))
    return (first + last) / 2, last - first


def extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """Where the first true cell of ``[B, Q, n]`` begins and the last ends, in [0, 1]; 0 and 1 where none is true."""
    cells = occupied.shape[2]
    occupied = occupied | ~occupied.any(dim=2, keepdim=True)
    number = torch.arange(cells, device=occupied.device)
    first = torch.where(occupied, number, cells).amin(dim=2)
    last = torch.where(occupied, number, -1).amax(dim=2)
    return first / cells, (last + 1) / cells
