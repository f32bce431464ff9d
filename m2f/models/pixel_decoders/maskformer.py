"""MaskFormer's pixel decoders: FPNs beside which its transformer decoder reads something else at 1/32."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from m2f.models.pixel_decoders.fpn import FPN, initialise_convolutions
from m2f.models.pixel_decoders.transformer_encoder_fpn import TransformerEncoderFPN
from m2f.registry import MODELS


@MODELS.register_module()
class MaskFormerFPN(FPN):
    """The plain FPN, and at 1/32 the backbone's features through a 1x1 convolution of their own.

    MaskFormer on ADE20K, and on COCO with a Swin Transformer: ``BasePixelDecoder`` with ``TRANSFORMER_IN_FEATURE:
    res5`` (MaskFormer's pixel_decoder.py:31-137 and the ``input_proj`` of transformer_predictor.py:71-75).

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        norm_groups: groups of the group norms.
    """

    def __init__(self, in_channels: Sequence[int], embed_dims: int = 256, norm_groups: int = 32) -> None:
        super().__init__(in_channels, embed_dims, norm_groups)
        self.projection = nn.Conv2d(in_channels[-1], embed_dims, 1)
        initialise_convolutions(self.projection)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to maps at 1/32, 1/16, 1/8 and mask features at 1/4."""
        levels = self.top_down(features)
        return [self.projection(features[-1]), *levels[1:3]], self.mask_features(levels[-1])


@MODELS.register_module()
class MaskFormerEncoderFPN(TransformerEncoderFPN):
    """The FPN with encoder layers, and at 1/32 what the last of them gives, before any convolution.

    MaskFormer on COCO with a ResNet: ``TransformerEncoderPixelDecoder`` with ``TRANSFORMER_IN_FEATURE:
    transformer_encoder`` (MaskFormer's pixel_decoder.py:180-287). Mask2Former's decoder reads the FPN's own levels.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        dropout: of the encoder layers. MaskFormer's one ``DROPOUT``, 0.1, is of both its transformers.
        options: the others of :class:`TransformerEncoderFPN`.
    """

    def __init__(self, in_channels: Sequence[int], embed_dims: int = 256, dropout: float = 0.1, **options: Any) -> None:
        super().__init__(in_channels, embed_dims, dropout=dropout, **options)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to maps at 1/32, 1/16, 1/8 and mask features at 1/4."""
        *finer, coarsest = features
        encoded = self.encode(coarsest)
        levels = FPN.top_down(self, [*finer, encoded])
        return [encoded, *levels[1:3]], self.mask_features(levels[-1])
