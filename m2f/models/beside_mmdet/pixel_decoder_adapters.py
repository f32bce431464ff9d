"""A pixel decoder of ours inside mmdet's Mask2Former, and one of mmdet's inside ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from m2f.registry import MODELS


@MODELS.register_module()
class OurPixelDecoder(BaseModule):
    """One of ours as the ``pixel_decoder`` of mmdet's ``Mask2FormerHead``.

    The head asks its decoder's config for the number of levels, so ``encoder`` stays in it; that and all else that
    mmdet's own decoder takes is not used here, so a config that inherits mmdet's need not delete it.

    Args:
        decoder: config of one of ours, such as ``dict(type="m2f.BiFPN")``, without its sizes.
        in_channels: of the backbone's maps at 1/4, 1/8, 1/16 and 1/32; the head gives it.
        feat_channels: D; the head gives it.
        out_channels: of the mask features; the head gives it.
        mmdets: what mmdet's own decoder takes.
    """

    def __init__(
        self,
        decoder: Mapping[str, Any],
        in_channels: Sequence[int],
        feat_channels: int = 256,
        out_channels: int = 256,
        **mmdets: Any,
    ) -> None:
        super().__init__()
        if feat_channels != out_channels:
            raise ValueError(
                f"out_channels must be feat_channels = {feat_channels}, as ours have it, not {out_channels}"
            )
        self.decoder = MODELS.build({**decoder, "in_channels": list(in_channels), "embed_dims": feat_channels})

    def init_weights(self) -> None:
        """Nothing: ours initialise themselves when they are built, and mmdet's way would undo that."""

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """mmdet's order: mask features ``[B, D, H/4, W/4]``, then ``[B, D, h, w]`` at 1/32, 1/16 and 1/8."""
        pyramid, mask_features = self.decoder(features)
        return mask_features, list(pyramid)


@MODELS.register_module()
class TheirPixelDecoder(nn.Module):
    """mmdet's ``MSDeformAttnPixelDecoder``, or any with its outputs, as the ``pixel_decoder`` of our ``Mask2Former``.

    Args:
        decoder: its config, such as ``dict(type="mmdet.MSDeformAttnPixelDecoder", ...)``, without its channels.
        in_channels: of the backbone's maps at 1/4, 1/8, 1/16 and 1/32.
        embed_dims: D, that of the transformer decoder.
    """

    def __init__(self, decoder: Mapping[str, Any], in_channels: Sequence[int], embed_dims: int = 256) -> None:
        super().__init__()
        sizes = {"in_channels": list(in_channels), "feat_channels": embed_dims, "out_channels": embed_dims}
        self.decoder = MODELS.build({**decoder, **sizes})
        self.decoder.init_weights()

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Our order: ``[B, D, h, w]`` at 1/32, 1/16 and 1/8, then mask features ``[B, D, H/4, W/4]``."""
        mask_features, pyramid = self.decoder(features)
        return list(pyramid), mask_features
