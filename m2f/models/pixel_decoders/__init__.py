"""Pixel decoders: backbone features to a pyramid at 1/32, 1/16, 1/8 and mask features at 1/4."""

from m2f.models.pixel_decoders.fpn import FPN
from m2f.models.pixel_decoders.msdeformattn import MSDeformAttn

__all__ = ["FPN", "MSDeformAttn"]
